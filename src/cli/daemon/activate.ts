import type { Confirmation } from '../../admin/control.js';
import { visible } from '../../observe/visible.js';
import { errorMessage } from '../failure.js';
import { paint, print, warn } from '../output.js';
import { withProgress } from '../progress.js';
import type { Ask } from './control-socket.js';

/** The outcome of activating a committed change. */
export type Activation =
  /**
   * `unusable`: providers that are disabled because the daemon cannot read their keys. `fleet`:
   * number of daemons of the database that use it; null if the daemon does not know.
   */
  | { state: 'active'; version: number; unusable: string[]; fleet: Confirmation | null }
  | { state: 'no-daemon' }
  /** Saved, but the daemon has not confirmed it as active. */
  | { state: 'unconfirmed'; reason: string };

/** The daemon itself waits for two seconds. */
const confirmTimeoutMs = 5_000;

export interface ActivateOptions {
  ask: Ask;
  /** `config_version` after the change; an answer with a lower one does not include it. */
  minVersion: number;
  timeoutMs?: number;
  /** The command's `--json`, which hides progress. */
  json?: boolean | undefined;
}

/**
 * Asks the daemon to reload its configuration, and waits until every worker
 * uses it, so that the next request sees the change. Never throws: the change is already committed.
 */
export async function activate(options: ActivateOptions): Promise<Activation> {
  const { ask, minVersion, timeoutMs = 2_000, json } = options;
  try {
    const answer = await withProgress('waiting for every worker to use it', json, () =>
      ask({ method: 'POST', path: '/admin/v1/config/reload', timeoutMs }),
    );
    if (answer.status !== 200) return { state: 'unconfirmed', reason: refusal(answer) };
    const version = Number(field(answer.text, 'version'));
    const unusable = texts(field(answer.text, 'unusable_providers'));
    if (version >= minVersion) {
      return { state: 'active', version, unusable, fleet: await confirm(ask, minVersion) };
    }
    const reason = `the daemon here is at version ${version}, the database at ${minVersion}: it may use another database`;
    return { state: 'unconfirmed', reason };
  } catch (error) {
    const code = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return { state: 'no-daemon' };
    const timedOut = error instanceof Error && error.name === 'TimeoutError';
    const reason = timedOut
      ? `the daemon has not confirmed it within ${timeoutMs / 1000} s`
      : `cannot reach the daemon: ${errorMessage(error)}`;
    return { state: 'unconfirmed', reason };
  }
}

/** A daemon of an earlier release does not know the others. */
async function confirm(ask: Ask, version: number): Promise<Confirmation | null> {
  const path = `/admin/v1/fleet/confirm?version=${version}`;
  const answer = await ask({ path, timeoutMs: confirmTimeoutMs }).catch(() => null);
  return answer?.status === 200 ? JSON.parse(answer.text) : null;
}

/** Prints a line for people on success; a warning, also for scripts, if it is not confirmed. */
export function printActivation(
  activation: Activation,
  json: boolean | undefined,
  line: (text: string) => void = print,
): void {
  if (activation.state === 'active') {
    for (const provider of activation.unusable) {
      warn(
        `provider ${visible(provider)} is not used, for its key cannot be read: llmproxy doctor`,
        json,
      );
    }
  }
  if (activation.state === 'active' && activation.fleet && activation.fleet.missing.length > 0) {
    const { confirmed, daemons, missing } = activation.fleet;
    const names = missing.map((id) => visible(id)).join(', ');
    warn(`${confirmed} of ${daemons} daemons use it, not yet: ${names}`, json);
  }
  if (activation.state === 'unconfirmed') warn(visible(`saved, but ${activation.reason}`), json);
  else if (json) return;
  else if (activation.state === 'no-daemon') line('saved; no daemon is running here');
  else line(paint('green', `active (version ${activation.version}${onFleet(activation.fleet)})`));
}

function onFleet(fleet: Confirmation | null): string {
  if (!fleet || fleet.daemons < 2) return '';
  return ` on ${fleet.confirmed} of ${fleet.daemons} daemons`;
}

function refusal({ status, text }: { status: number; text: string }): string {
  const message = field(text, 'error', 'message');
  // It may be starting, or its database away: it takes the change by itself then.
  const verb = status === 503 ? 'does not use it yet' : 'refuses it';
  return `the daemon ${verb}: ${typeof message === 'string' ? message : `status ${status}`}`;
}

/** Reads a field of a JSON text, or undefined. */
function field(json: string, ...path: string[]): unknown {
  try {
    return path.reduce<unknown>(
      (node, name) => (node instanceof Object ? Reflect.get(node, name) : undefined),
      JSON.parse(json),
    );
  } catch {
    return undefined;
  }
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
