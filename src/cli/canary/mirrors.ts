import { Command, Option } from 'commander';
import { type BudgetWindow, budgetWindows } from '../../config/rows/budget.js';
import type { Mirror } from '../../config/rows/mirror.js';
import { formatDollars, shownDollars } from '../../pricing/money.js';
import { withAdminApi } from '../admin-api.js';
import { wholeNumber } from '../arguments.js';
import { addGatewayOptions, type DatabaseFlags } from '../database/connection.js';
import { usageError } from '../failure.js';
import { namedRows } from '../named-rows.js';
import { note, printFields, printJson, printTable } from '../output.js';
import { dollars } from '../spend/price-flags.js';
import {
  addSelectorOptions,
  type SelectorFlags,
  selectorsFrom,
  selectorsText,
} from '../spend/selectors.js';

type MirrorRow = Mirror & { id: number };

const rows = namedRows<MirrorRow>('mirror', '/mirrors');

interface MirrorFlags extends DatabaseFlags, SelectorFlags {
  to?: string;
  toModel?: string;
  sample?: number;
  maxConcurrency?: number;
  budget?: number | 'none';
  window?: BudgetWindow;
  webhook?: string;
  enabled?: 'on' | 'off';
}

/** `llmproxy mirrors …`: sends copies of sampled requests elsewhere too. */
export function mirrorsCommand(): Command {
  const command = new Command('mirrors')
    .alias('mirror')
    .description('send samples of requests elsewhere too');
  command.addCommand(
    addMirrorOptions(new Command('create').alias('add'))
      .description('create a mirror')
      .argument('<name>')
      .addHelpText(
        'after',
        `
A copy is sent after the client has its answer; the copy's answer is discarded.
llmproxy canary status compares both.

Examples:
  $ llmproxy mirrors create eu --to azure-eu --sample 5 --budget 20
  $ llmproxy mirrors create new --model gpt-4o --to-model gpt-5 --sample 1`,
      )
      .action(create),
  );
  command.addCommand(
    addGatewayOptions(new Command('list').alias('ls'))
      .description('list the mirrors')
      .addHelpText('after', '\nExample:\n  $ llmproxy mirrors list --json')
      .action(list),
  );
  command.addCommand(
    addGatewayOptions(new Command('show').alias('get'))
      .description('show a mirror')
      .argument('<id|name>')
      .addHelpText('after', '\nExample:\n  $ llmproxy mirrors show eu')
      .action(show),
  );
  command.addCommand(
    addMirrorOptions(new Command('update').alias('edit'))
      .description('change the given fields of a mirror')
      .argument('<id|name>')
      .addHelpText('after', '\nExample:\n  $ llmproxy mirrors update eu --sample 10')
      .action(update),
  );
  command.addCommand(
    addGatewayOptions(new Command('delete').aliases(['rm', 'remove']))
      .description('delete a mirror')
      .argument('<id|name>')
      .option('--yes', 'do not ask')
      .addHelpText('after', '\nExample:\n  $ llmproxy mirrors delete eu --yes')
      .action(rows.remove),
  );
  return command.addHelpText('after', '\nExample:\n  $ llmproxy mirrors list');
}

function addMirrorOptions(command: Command): Command {
  command
    .option('--to <provider>', 'provider of the copies; "any": any that has the model')
    .option('--to-model <name>', 'the model of the copies; "same": that of the request')
    .option('--sample <percent>', 'percentage of requests to copy (default: 1)', percent)
    .option(
      '--max-concurrency <n>',
      'maximum copies under way (default: 10)',
      wholeNumber('--max-concurrency', 1, 10_000),
    )
    .option('--budget <dollars>', 'maximum cost of copies; "none": no limit', (text: string) =>
      text === 'none' ? text : dollars('budget', text),
    )
    .addOption(
      new Option('--window <window>', 'period of the budget (default: day)').choices(budgetWindows),
    )
    .option('--webhook <url>', 'URL that scores pairs of answers; "none": none')
    .addOption(
      new Option('--enabled <on|off>', 'use it, or keep it unused').choices(['on', 'off']),
    );
  return addGatewayOptions(addSelectorOptions(command));
}

async function create(name: string, flags: MirrorFlags): Promise<void> {
  if (flags.to === undefined && flags.toModel === undefined) {
    throw usageError('--to or --to-model is missing');
  }
  await rows.create({ name, ...fieldsFrom(flags) }, 'created', flags);
}

async function list(flags: DatabaseFlags): Promise<void> {
  const { mirrors } = await withAdminApi(flags, 'read', (api) =>
    api.ask<{ mirrors: MirrorRow[] }>('GET', '/mirrors'),
  );
  if (flags.json) {
    printJson(mirrors);
    return;
  }
  if (mirrors.length === 0) {
    note('no mirrors yet; create one: llmproxy mirrors create --help');
    return;
  }
  printTable(mirrors, [
    { header: 'NAME', value: (row) => row.name, shrinkTo: 12 },
    { header: 'STATUS', value: (row) => (row.is_enabled ? 'enabled' : 'disabled') },
    { header: 'OF', value: (row) => selectorsText(row.applies_to), shrinkTo: 12 },
    { header: 'TO', value: targetText, shrinkTo: 12 },
    { header: 'SAMPLE', value: (row) => `${row.sample_percent} %`, align: 'right' },
    { header: 'BUDGET', value: (row) => (row.budget === null ? '-' : shownDollars(row.budget)) },
  ]);
}

async function show(ref: string, flags: DatabaseFlags): Promise<void> {
  const mirror = await withAdminApi(flags, 'read', (api) => rows.existing(api, ref));
  if (flags.json) {
    printJson(mirror);
    return;
  }
  printFields([
    ['name', mirror.name],
    ['id', String(mirror.id)],
    ['status', mirror.is_enabled ? 'enabled' : 'disabled'],
    ['of', selectorsText(mirror.applies_to)],
    ['to', targetText(mirror)],
    ['sample', `${mirror.sample_percent} %`],
    ['max concurrency', String(mirror.max_concurrency)],
    [
      'budget',
      mirror.budget === null ? 'none' : `$${formatDollars(mirror.budget)} a ${mirror.window}`,
    ],
    ['webhook', mirror.webhook ?? 'none'],
  ]);
}

async function update(ref: string, flags: MirrorFlags): Promise<void> {
  await rows.update(ref, fieldsFrom(flags), flags);
}

function targetText({ provider, model }: Mirror): string {
  return [provider, model === null ? null : `model ${model}`].filter(Boolean).join(', ');
}

function fieldsFrom(flags: MirrorFlags): Partial<Mirror> {
  const applies_to = selectorsFrom(flags);
  const { to, toModel, budget, webhook } = flags;
  return {
    ...(to !== undefined && { provider: to === 'any' ? null : to }),
    ...(toModel !== undefined && { model: toModel === 'same' ? null : toModel }),
    ...(flags.sample !== undefined && { sample_percent: flags.sample }),
    ...(flags.maxConcurrency !== undefined && { max_concurrency: flags.maxConcurrency }),
    ...(budget !== undefined && { budget: budget === 'none' ? null : budget }),
    ...(flags.window !== undefined && { window: flags.window }),
    ...(webhook !== undefined && { webhook: webhook === 'none' ? null : webhook }),
    ...(flags.enabled !== undefined && { is_enabled: flags.enabled === 'on' }),
    ...(Object.keys(applies_to).length > 0 && { applies_to }),
  };
}

function percent(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 100) return value;
  throw usageError(`--sample: "${text}" is not a percentage above 0, at most 100`);
}
