import { Command } from 'commander';
import type { Stop } from '../../config/rows/stop.js';
import { visible } from '../../observe/visible.js';
import { changeOver, withAdminApi } from '../admin-api.js';
import { printActivation } from '../daemon/activate.js';
import { addGatewayOptions, type DatabaseFlags } from '../database/connection.js';
import { CliError, usageError } from '../failure.js';
import { note, print, printJson, printTable, warnEach } from '../output.js';
import { localTime } from '../times.js';
import {
  addSelectorOptions,
  type SelectorFlags,
  selectorsFrom,
  selectorsText,
} from './selectors.js';

type StopAnswer = { version: number; stop: StopRow; warnings?: string[] };
type StopRow = Stop & { id: number; created_at: string };

/** Refuses the requests of a team, key, user, tag, model or provider, and ends running ones. */
export async function throwKillSwitch(
  flags: DatabaseFlags & SelectorFlags & { reason?: string },
): Promise<void> {
  const applies_to = selectorsFrom(flags);
  const name = nameOf(applies_to);
  const { result, activation } = await changeOver(flags, async (api) => {
    const { stops } = await api.ask<{ stops: StopRow[] }>('GET', '/stops');
    const known = stops.find((stop) => stop.name === name);
    const body = { applies_to, reason: flags.reason ?? null };
    return known
      ? await api.ask<StopAnswer>('PUT', `/stops/${known.id}`, body)
      : await api.ask<StopAnswer>('POST', '/stops', { name, ...body });
  });
  const fleet = activation.state === 'active' ? activation.fleet : null;
  if (flags.json) printJson({ ...result.stop, fleet });
  else
    print(
      `stopped requests of ${visible(selectorsText(applies_to))}; undo it with: llmproxy resume`,
    );
  warnEach(result.warnings, flags.json);
  printActivation(activation, flags.json);
}

/** `llmproxy resume`: undoes a kill switch. */
export function resumeCommand(): Command {
  return addGatewayOptions(
    addSelectorOptions(
      new Command('resume')
        .description('serve stopped requests again, or list what is stopped')
        .option('--all', 'everything that is stopped'),
    ),
  )
    .addHelpText(
      'after',
      `
Give the same names as to llmproxy stop. Without a name, lists what is stopped.

Examples:
  $ llmproxy resume
  $ llmproxy resume --team chat
  $ llmproxy resume --all`,
    )
    .action(resume);
}

async function resume(flags: DatabaseFlags & SelectorFlags & { all?: boolean }): Promise<void> {
  const applies_to = selectorsFrom(flags);
  const isNamed = Object.keys(applies_to).length > 0;
  if (flags.all && isNamed) throw usageError('--all and a name cannot be used together');
  if (!flags.all && !isNamed) return await list(flags);
  const name = nameOf(applies_to);
  const { result, activation } = await changeOver(flags, async (api) => {
    const { stops } = await api.ask<{ stops: StopRow[] }>('GET', '/stops');
    const found = flags.all ? stops : stops.filter((stop) => stop.name === name);
    if (found.length === 0) {
      throw new CliError(
        flags.all
          ? 'nothing is stopped'
          : `requests of ${selectorsText(applies_to)} are not stopped`,
        { hint: 'see what is with: llmproxy resume' },
      );
    }
    let version = 0;
    for (const { id } of found) version = await api.delete(`/stops/${id}`);
    return { stops: found, version };
  });
  if (flags.json) printJson(result.stops);
  else
    for (const stop of result.stops)
      print(`resumed requests of ${visible(selectorsText(stop.applies_to))}`);
  printActivation(activation, flags.json);
}

async function list(flags: DatabaseFlags): Promise<void> {
  const { stops } = await withAdminApi(flags, 'read', (api) =>
    api.ask<{ stops: StopRow[] }>('GET', '/stops'),
  );
  if (flags.json) printJson(stops);
  else if (stops.length === 0) note('nothing is stopped');
  else {
    printTable(stops, [
      { header: 'STOPPED', value: (stop) => selectorsText(stop.applies_to) },
      { header: 'SINCE', value: (stop) => localTime(stop.created_at) },
      { header: 'REASON', value: (stop) => stop.reason ?? '-', shrinkTo: 16 },
    ]);
  }
}

function nameOf(selectors: SelectorFlags): string {
  return Object.entries(selectors)
    .map(([what, name]) => `${what}:${name}`)
    .join(' ');
}
