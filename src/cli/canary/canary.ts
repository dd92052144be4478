import { Command } from 'commander';
import type { CanaryStatus, MirrorStatus } from '../../admin/canary-status.js';
import type { Canary } from '../../config/rows/canary.js';
import { GatewayError } from '../../errors.js';
import { visible } from '../../observe/visible.js';
import { type AdminApi, changeOver, withAdminApi } from '../admin-api.js';
import { wholeNumber } from '../arguments.js';
import { printActivation } from '../daemon/activate.js';
import { addGatewayOptions, type DatabaseFlags } from '../database/connection.js';
import { CliError, errorMessage, usageError } from '../failure.js';
import { note, print, printJson, warnEach } from '../output.js';
import { confirmDeletion } from '../prompt.js';
import { duration } from '../times.js';
import { printCanary, printMirror } from './canary-view.js';

type CanaryRow = Canary & { id: number };
interface CanaryAnswer {
  version: number;
  canary: CanaryRow;
  warnings?: string[];
}

interface StartFlags extends DatabaseFlags {
  from?: string;
  to?: string;
  model?: string;
  toModel?: string;
  steps?: number[];
  every?: number;
  minRequests?: number;
  maxErrors?: number | 'none';
  maxLatency?: number | 'none';
}

/** `llmproxy canary …`: moves requests to another provider or model, step by step. */
export function canaryCommand(): Command {
  const command = new Command('canary').description('move requests elsewhere, step by step');
  command.addCommand(
    addGatewayOptions(new Command('start'))
      .description('start a canary, or restart a stopped one')
      .argument('<name>')
      .option('--from <provider>', 'the provider that requests are taken from')
      .option('--to <provider>', 'the provider that they go to; by default the same')
      .option('--model <name>', 'only requests for this model')
      .option('--to-model <name>', 'the model that moved requests are served as')
      .option('--steps <a,b>', 'percent at each step (default: 1,5,25,50,100)', percents)
      .option('--every <time>', 'minimum time at each step (default: 10m)', duration('--every'))
      .option(
        '--min-requests <n>',
        'minimum requests at each step (default: 10)',
        wholeNumber('--min-requests'),
      )
      .option('--max-errors <percent>', 'roll back above this; "none": never (default: 5)', bound)
      .option('--max-latency <ms>', 'roll back if 5 % take longer; "none": never', bound)
      .addHelpText(
        'after',
        `
It advances by itself, on any daemon, and rolls back by itself when its requests
significantly exceed the bounds on failures or latency. Models have the names
that clients use.

Examples:
  $ llmproxy canary start to-azure --from openai-main --to azure-eu
  $ llmproxy canary start new-model --from openai-main --model gpt-4o \\
      --to-model gpt-5 --steps 5,50,100 --every 1h --max-latency 3000`,
      )
      .action(start),
  );
  command.addCommand(
    addGatewayOptions(new Command('status'))
      .description('compare the two sides of canaries and mirrors')
      .argument('[name]', 'of a canary or mirror')
      .option('--since <time>', 'start for mirrors: an age (24h) or a time', '24h')
      .addHelpText(
        'after',
        `
Figures have 95 % confidence bounds.

Examples:
  $ llmproxy canary status
  $ llmproxy canary status to-azure --json`,
      )
      .action(status),
  );
  command.addCommand(
    addGatewayOptions(new Command('promote'))
      .description('advance a running canary at once, by default to its end')
      .argument('<name>')
      .option('--next', 'only to its next step')
      .addHelpText(
        'after',
        `
After its last step it is finished: its requests are no longer watched.

Examples:
  $ llmproxy canary promote to-azure
  $ llmproxy canary promote to-azure --next`,
      )
      .action(promote),
  );
  command.addCommand(
    addGatewayOptions(new Command('stop'))
      .description('stop a canary; its requests go where they went before')
      .argument('<name>')
      .option('--reason <why>', 'reason, shown by status')
      .addHelpText('after', '\nExample:\n  $ llmproxy canary stop to-azure')
      .action(stop),
  );
  command.addCommand(
    addGatewayOptions(new Command('delete').aliases(['rm', 'remove']))
      .description('delete a canary')
      .argument('<name>')
      .option('--yes', 'do not ask')
      .addHelpText('after', '\nExample:\n  $ llmproxy canary delete to-azure --yes')
      .action(remove),
  );
  return command.addHelpText('after', '\nExample:\n  $ llmproxy canary status');
}

async function start(name: string, flags: StartFlags): Promise<void> {
  const given = fieldsFrom(flags);
  const { result, activation } = await changeOver(flags, async (api) => {
    const known = await existing(api, name);
    const begin = { state: 'running', step: 0, changed_at: null, reason: null } as const;
    if (known) {
      if (known.state === 'running') {
        throw new CliError(`the canary "${name}" is running`, {
          hint: `stop it first: llmproxy canary stop ${name}`,
        });
      }
      return await api.ask<CanaryAnswer>('PUT', pathOf(name), { ...given, ...begin });
    }
    const { from_provider } = given;
    if (from_provider === undefined) throw usageError('--from is missing');
    const fields = { to_provider: from_provider, ...given };
    return await api.ask<CanaryAnswer>('POST', '/canaries', { name, ...fields });
  });
  report(result.canary, 'started', flags);
  warnEach(result.warnings, flags.json);
  printActivation(activation, flags.json);
}

async function promote(name: string, flags: DatabaseFlags & { next?: boolean }): Promise<void> {
  const { result, activation } = await changeOver(flags, async (api) => {
    const known = await existing(api, name);
    if (!known) throw new CliError(`there is no canary "${name}"`);
    if (known.state !== 'running') {
      throw new CliError(`the canary "${name}" is not running`, {
        hint: `start it first: llmproxy canary start ${name}`,
      });
    }
    const last = known.steps.length - 1;
    const isEnd = !flags.next || known.step === last;
    return await api.ask<CanaryAnswer>('PUT', pathOf(name), {
      ...(isEnd ? { state: 'finished', step: last } : { step: known.step + 1 }),
      // The daemon that judges it starts the time of a step.
      changed_at: isEnd ? new Date().toISOString() : null,
    });
  });
  report(result.canary, 'promoted', flags);
  printActivation(activation, flags.json);
}

async function stop(name: string, flags: DatabaseFlags & { reason?: string }): Promise<void> {
  const { result, activation } = await changeOver(flags, (api) =>
    api.ask<CanaryAnswer>('PUT', pathOf(name), {
      ...{ state: 'stopped', step: 0, changed_at: new Date().toISOString() },
      reason: flags.reason ?? null,
    }),
  );
  report(result.canary, 'stopped', flags);
  printActivation(activation, flags.json);
}

async function remove(name: string, flags: DatabaseFlags & { yes?: boolean }): Promise<void> {
  const { result, activation } = await changeOver(flags, async (api) => {
    const canary = await existing(api, name);
    if (!canary) throw new CliError(`there is no canary "${name}"`);
    await confirmDeletion({ what: `the canary ${canary.name}`, yes: flags.yes, json: flags.json });
    return { canary, version: await api.delete(`/canaries/${canary.id}`) };
  });
  report(result.canary, 'deleted', flags);
  printActivation(activation, flags.json);
}

async function status(
  name: string | undefined,
  flags: DatabaseFlags & { since: string },
): Promise<void> {
  const asked = new URLSearchParams({ since: flags.since, ...(name !== undefined && { name }) });
  const { canaries, mirrors } = await withAdminApi(flags, 'read', (api) =>
    api.ask<{ canaries: CanaryStatus[]; mirrors: MirrorStatus[] }>(
      'GET',
      `/canary/status?${asked}`,
    ),
  );
  if (name !== undefined && canaries.length + mirrors.length === 0) {
    throw new CliError(`there is no canary or mirror "${name}"`);
  }
  if (flags.json) {
    printJson({ canaries, mirrors });
    return;
  }
  if (canaries.length + mirrors.length === 0) {
    note('no canaries or mirrors yet; start one: llmproxy canary start --help');
  }
  for (const canary of canaries) printCanary(canary);
  for (const mirror of mirrors) printMirror(mirror);
}

/** Null if there is none with this name. */
async function existing(api: AdminApi, name: string): Promise<CanaryRow | null> {
  try {
    return (await api.ask<CanaryAnswer>('GET', pathOf(name))).canary;
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'not_found') return null;
    throw error instanceof GatewayError ? new CliError(errorMessage(error)) : error;
  }
}

function pathOf(name: string): string {
  return `/canaries/${encodeURIComponent(name)}`;
}

function report({ name, id, ...canary }: CanaryRow, done: string, { json }: DatabaseFlags): void {
  if (json) printJson({ name, id, ...canary });
  else print(`${done} canary ${visible(name)} (id ${id})`);
}

function fieldsFrom(flags: StartFlags): Partial<Canary> {
  const none = (value: number | 'none') => (value === 'none' ? null : value);
  return {
    ...(flags.from !== undefined && { from_provider: flags.from }),
    ...(flags.to !== undefined && { to_provider: flags.to }),
    ...(flags.model !== undefined && { model: flags.model }),
    ...(flags.toModel !== undefined && { to_model: flags.toModel }),
    ...(flags.steps !== undefined && { steps: flags.steps }),
    ...(flags.every !== undefined && { step_seconds: flags.every }),
    ...(flags.minRequests !== undefined && { min_requests: flags.minRequests }),
    ...(flags.maxErrors !== undefined && { max_error_percent: none(flags.maxErrors) }),
    ...(flags.maxLatency !== undefined && { max_latency_ms: none(flags.maxLatency) }),
  };
}

function percents(text: string): number[] {
  return text.split(',').map((part) => {
    const percent = Number(part.trim());
    if (part.trim() !== '' && percent > 0 && percent <= 100) return percent;
    throw usageError(`--steps: "${part}" is not a percentage above 0, at most 100`);
  });
}

function bound(text: string): number | 'none' {
  if (text === 'none') return text;
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 86_400_000) return value;
  throw usageError(`"${text}" is neither a number nor "none"`);
}
