import type { Command } from 'commander';
import { systemDataDir } from '../../config/settings/path-owner.js';
import type { DescribedSetting, Settings, SettingsFlags } from '../../config/settings/settings.js';
import { isClosed } from '../database/embedded-database.js';
import { CliError, errorMessage, plainMessage } from '../failure.js';
import { askControlSocket } from './control-socket.js';
import { type RemoteFlags, remoteAsk, remoteUrl } from './remote-gateway.js';
import { settingsForUse } from './settings.js';

const remoteTimeoutMs = 60_000;

/** Flags of every command that queries the running daemon. */
export interface DaemonFlags extends RemoteFlags {
  dataDir?: string;
  config?: string;
  json?: boolean;
}

/** Adds the flags that select the daemon, and `--json`. */
export function addDaemonOptions(command: Command): Command {
  return command
    .option('--data-dir <path>', "the running gateway's data directory (LLMPROXY_DATA_DIR)")
    .option('--config <file>', 'settings file in YAML (LLMPROXY_CONFIG)')
    .option('--json', 'print JSON');
}

/** The daemon's answer, with its JSON parsed. */
export interface DaemonAnswer {
  status: number;
  body: unknown;
}

/** No daemon serves on this data directory. */
export class NoDaemonError extends CliError {
  constructor(dataDir: string) {
    const isOthers = dataDir !== systemDataDir && isClosed(systemDataDir);
    super(`no llmproxy runs on the data directory ${dataDir}`, {
      hint: isOthers
        ? `this machine's is in ${systemDataDir}, which is closed to you: run this with sudo`
        : 'start it with llmproxy serve, or name its data directory with --data-dir',
    });
  }
}

export type DaemonSettings = Pick<Settings, 'data_dir'> & {
  admin: Pick<Settings['admin'], 'key'>;
};

/**
 * Queries the daemon of this data directory.
 * @param path such as `/admin/v1/status`.
 * @returns the body of a successful answer.
 * @throws NoDaemonError, or CliError with the daemon's error message.
 */
export async function askDaemon(
  settings: DaemonSettings,
  path: string,
  method: 'GET' | 'POST' = 'GET',
): Promise<unknown> {
  return bodyOf(await getFromDaemon(settings, path, 10_000, method));
}

function bodyOf({ status, body }: DaemonAnswer): unknown {
  if (status === 200 || status === 201) return body;
  const error: unknown = body instanceof Object ? Reflect.get(body, 'error') : undefined;
  const message: unknown = error instanceof Object ? Reflect.get(error, 'message') : undefined;
  throw new CliError(
    typeof message === 'string' ? plainMessage(message) : `the daemon answers ${status}`,
    hintFor(status),
  );
}

/**
 * Like `askDaemon`, for answers of any status.
 * @throws NoDaemonError, or CliError where the daemon does not answer.
 */
export async function getFromDaemon(
  { data_dir: dataDir, admin }: DaemonSettings,
  path: string,
  timeoutMs = 10_000,
  method: 'GET' | 'POST' = 'GET',
): Promise<DaemonAnswer> {
  try {
    const socket = { dataDir, adminKey: admin.key };
    const { status, text } = await askControlSocket(socket, { method, path, timeoutMs });
    return { status, body: JSON.parse(text) };
  } catch (error) {
    throw unreachable(error, dataDir, timeoutMs);
  }
}

/** Settings that the daemon was started with, flags included; null if none runs. */
export async function settingsOfDaemon(
  settings: DaemonSettings,
): Promise<DescribedSetting[] | null> {
  try {
    const { status, body } = await getFromDaemon(settings, '/admin/v1/config/settings');
    const list: unknown = body instanceof Object ? Reflect.get(body, 'settings') : null;
    return status === 200 && Array.isArray(list) ? (list as DescribedSetting[]) : null;
  } catch (error) {
    if (error instanceof NoDaemonError) return null;
    throw error;
  }
}

/**
 * Selects the gateway that the flags name, or the daemon of this data directory.
 * @returns a function that returns the body of a successful answer, and throws like `askDaemon`.
 */
export async function openGateway(
  flags: RemoteFlags & SettingsFlags,
  json: boolean | undefined,
): Promise<(path: string) => Promise<unknown>> {
  const url = remoteUrl(flags);
  if (url === null) {
    const settings = await settingsForUse(flags, json);
    return (path) => askDaemon(settings, path);
  }
  const { loadSettings } = await import('../../config/settings/settings.js');
  const ask = await remoteAsk(url, flags, loadSettings(flags), json);
  return async (path) => {
    const { status, text } = await ask({ path, timeoutMs: remoteTimeoutMs });
    return bodyOf({ status, body: JSON.parse(text) });
  };
}

/** The error to report if the daemon of this data directory did not answer. */
export function unreachable(error: unknown, dataDir: string, timeoutMs: number): CliError {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return new NoDaemonError(dataDir);
  if (code === 'EACCES') {
    return new CliError(`the daemon on ${dataDir} belongs to another user`, {
      hint: 'run this as the user of the daemon, or as root',
    });
  }
  const timedOut = error instanceof Error && error.name === 'TimeoutError';
  const reason = timedOut ? `no answer within ${timeoutMs / 1000} s` : errorMessage(error);
  return new CliError(`cannot reach the daemon: ${reason}`);
}

function hintFor(status: number): { hint?: string } {
  if (status === 401)
    return { hint: 'give this command the same settings as the daemon (ADMIN_KEY)' };
  return status === 404
    ? { hint: 'the id is in the answer’s header x-request-id; ask the gateway that answered' }
    : {};
}
