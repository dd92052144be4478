import { Command, Option } from 'commander';
import { spentBudgetOrders } from '../../admin/lists/spent-budgets.js';
import {
  type Budget,
  type BudgetMode,
  type BudgetWindow,
  budgetModes,
  budgetWindows,
  type Selectors,
} from '../../config/rows/budget.js';
import { counted } from '../../observe/counted.js';
import { formatDollars, shownDollars } from '../../pricing/money.js';
import { type AdminApi, withAdminApi } from '../admin-api.js';
import { sortColumn, wholeNumber } from '../arguments.js';
import { addGatewayOptions, type DatabaseFlags } from '../database/connection.js';
import { CliError, usageError } from '../failure.js';
import { namedRows } from '../named-rows.js';
import { note, printFields, printJson, printTable } from '../output.js';
import { localTime } from '../times.js';
import { dollars } from './price-flags.js';
import {
  addSelectorOptions,
  type SelectorFlags,
  selectorsFrom,
  selectorsText,
} from './selectors.js';

type BudgetRow = Budget & { id: number };

const rows = namedRows<BudgetRow>('budget', '/budgets');

/** Spend of a budget in its present window. */
interface Spent {
  name: string;
  window_start: string;
  resets_at: string | null;
  spent_nano: number;
  left_nano: number;
  requests: number;
}

interface BudgetFlags extends DatabaseFlags, SelectorFlags {
  amount?: number;
  window?: BudgetWindow;
  mode?: BudgetMode;
  alerts?: number[];
  webhook?: string;
  ceilingInput?: number;
  ceilingOutput?: number;
}

/** `llmproxy budgets …`: limits on spend. */
export function budgetsCommand(): Command {
  const command = new Command('budgets').alias('budget').description('manage budgets');
  command.addCommand(
    addBudgetOptions(new Command('create').alias('add'))
      .description('create a budget')
      .argument('<name>')
      .addHelpText(
        'after',
        `
A request counts if it matches all given names; without names, every request
counts.

Examples:
  $ llmproxy budgets create chat --amount 500 --window month --team chat
  $ llmproxy budgets create trial --amount 10 --window total --key alice
  $ llmproxy budgets create watch --amount 50 --window day --mode soft`,
      )
      .action(create),
  );
  command.addCommand(
    addGatewayOptions(new Command('list').alias('ls'))
      .description('list the budgets and their spend')
      .option('--search <text>', 'only budgets whose name contains this, ignoring case')
      .option(
        '--sort <column>',
        `${spentBudgetOrders.join(', ')}; -column: reverse; needs a running gateway`,
        sortColumn(spentBudgetOrders),
      )
      .option('--limit <n>', 'maximum number', wholeNumber('--limit', 1, 1_000_000))
      .addHelpText(
        'after',
        '\nExamples:\n  $ llmproxy budgets list --json\n  $ llmproxy budgets list --sort -share --limit 20',
      )
      .action(list),
  );
  command.addCommand(
    addGatewayOptions(new Command('show').alias('get'))
      .description('show a budget')
      .argument('<id|name>')
      .addHelpText('after', '\nExample:\n  $ llmproxy budgets show chat')
      .action(show),
  );
  command.addCommand(
    addBudgetOptions(new Command('update').alias('edit'))
      .description('change the given fields of a budget')
      .argument('<id|name>')
      .addHelpText('after', '\nExample:\n  $ llmproxy budgets update chat --amount 750')
      .action(update),
  );
  command.addCommand(
    addGatewayOptions(new Command('delete').aliases(['rm', 'remove']))
      .description('delete a budget; its spend stays in the ledger')
      .argument('<id|name>')
      .option('--yes', 'do not ask')
      .addHelpText('after', '\nExample:\n  $ llmproxy budgets delete chat --yes')
      .action(rows.remove),
  );
  return command.addHelpText('after', '\nExample:\n  $ llmproxy budgets list');
}

function addBudgetOptions(command: Command): Command {
  command
    .option('--amount <dollars>', 'maximum spend', (text: string) => dollars('amount', text))
    .addOption(new Option('--window <window>', 'period of the amount').choices(budgetWindows))
    .addOption(
      new Option('--mode <mode>', 'refuse further requests, or only alert').choices(budgetModes),
    )
    .option('--alerts <a,b>', 'percentages at which an alert is sent; "none": never', percents)
    .option('--webhook <url>', 'URL that alerts are posted to; "none": none')
    .option(
      '--ceiling-input <dollars>',
      'dollars per million input tokens, for models without a price',
      (text) => dollars('ceiling-input', text),
    )
    .option('--ceiling-output <dollars>', 'the same for output tokens', (text: string) =>
      dollars('ceiling-output', text),
    );
  return addGatewayOptions(addSelectorOptions(command));
}

async function create(name: string, flags: BudgetFlags): Promise<void> {
  const fields = fieldsFrom(flags);
  if (fields.amount === undefined) throw usageError('--amount is missing');
  await rows.create({ name, ...fields }, 'created', flags);
}

interface ListFlags extends DatabaseFlags {
  search?: string;
  sort?: string;
  limit?: number;
}

async function list({ search = '', sort, limit, ...flags }: ListFlags): Promise<void> {
  const { stored, spent } = await withAdminApi(flags, 'read', async (api) => {
    const path = `/budgets?${new URLSearchParams({ search })}`;
    return {
      stored: (await api.ask<{ budgets: BudgetRow[] }>('GET', path)).budgets,
      spent: await spentOf(api, { search, ...(sort !== undefined && { sort }) }),
    };
  });
  if (sort !== undefined) {
    if (stored.length > 0 && spent.size === 0) throw usageError('--sort needs a running gateway');
    const places = new Map([...spent.keys()].map((name, place) => [name, place]));
    stored.sort((a, b) => (places.get(a.name) ?? spent.size) - (places.get(b.name) ?? spent.size));
  }
  const budgets = stored.slice(0, limit);
  if (flags.json) {
    printJson(budgets.map((row) => ({ ...row, ...spent.get(row.name) })));
    return;
  }
  if (budgets.length === 0) {
    note('no budgets yet; create one: llmproxy budgets create --help');
    return;
  }
  printTable(budgets, [
    { header: 'NAME', value: (row) => row.name, shrinkTo: 12 },
    { header: 'AMOUNT', value: (row) => shownDollars(row.amount), align: 'right' },
    { header: 'WINDOW', value: (row) => row.window },
    { header: 'MODE', value: (row) => (row.is_enabled ? row.mode : 'disabled') },
    { header: 'OF', value: (row) => selectorsText(row.applies_to), shrinkTo: 12 },
    {
      header: 'SPENT',
      value: (row) => shownDollars(spent.get(row.name)?.spent_nano ?? 0),
      align: 'right',
    },
    {
      header: 'LEFT',
      value: (row) => shownDollars(spent.get(row.name)?.left_nano ?? row.amount),
      align: 'right',
    },
    { header: 'RESETS', value: (row) => spent.get(row.name)?.resets_at?.slice(0, 10) ?? '-' },
  ]);
}

async function show(ref: string, flags: DatabaseFlags): Promise<void> {
  const { budget, spent } = await withAdminApi(flags, 'read', async (api) => {
    const budget = await rows.existing(api, ref);
    return { budget, spent: await spentOf(api, { name: budget.name }) };
  });
  const now = spent.get(budget.name);
  if (flags.json) {
    printJson({ ...budget, ...now });
    return;
  }
  printFields([
    ['name', budget.name],
    ['id', String(budget.id)],
    ['status', budget.is_enabled ? 'enabled' : 'disabled'],
    [
      'amount',
      `$${formatDollars(budget.amount)} ${budget.window === 'total' ? 'in all' : `a ${budget.window}`}`,
    ],
    ['mode', budget.mode],
    ['of', selectorsText(budget.applies_to)],
    [
      'spent',
      `$${formatDollars(now?.spent_nano ?? 0)} by ${counted(now?.requests ?? 0, 'request')}`,
    ],
    ['left', `$${formatDollars(now?.left_nano ?? budget.amount)}`],
    ['resets', now?.resets_at ? localTime(now.resets_at) : 'never'],
    ['alerts', budget.alerts.map((percent) => `${percent} %`).join(', ') || 'none'],
    ['webhook', budget.webhook ?? 'none'],
    [
      'ceiling',
      budget.ceiling ? JSON.stringify(budget.ceiling) : 'none: models without a price are refused',
    ],
  ]);
}

async function update(ref: string, flags: BudgetFlags): Promise<void> {
  await rows.update(ref, fieldsFrom(flags), flags);
}

/** By name, in the order of the answer; empty if no daemon runs. */
async function spentOf(
  api: AdminApi,
  parameters: Record<string, string>,
): Promise<Map<string, Spent>> {
  try {
    const path = `/spend/budgets?${new URLSearchParams(parameters)}`;
    const { budgets } = await api.ask<{ budgets: Spent[] }>('GET', path);
    return new Map(budgets.map((each) => [each.name, each]));
  } catch (error) {
    if (!(error instanceof Error)) throw new CliError(String(error));
    return new Map();
  }
}

function fieldsFrom(flags: BudgetFlags): Partial<Budget> {
  const applies_to: Selectors = selectorsFrom(flags);
  const ceiling = {
    ...(flags.ceilingInput !== undefined && { input: flags.ceilingInput }),
    ...(flags.ceilingOutput !== undefined && { output: flags.ceilingOutput }),
  };
  return {
    ...(flags.amount !== undefined && { amount: flags.amount }),
    ...(flags.window !== undefined && { window: flags.window }),
    ...(flags.mode !== undefined && { mode: flags.mode }),
    ...(flags.alerts !== undefined && { alerts: flags.alerts }),
    ...(flags.webhook !== undefined && {
      webhook: flags.webhook === 'none' ? null : flags.webhook,
    }),
    ...(Object.keys(ceiling).length > 0 && { ceiling }),
    ...(Object.keys(applies_to).length > 0 && { applies_to }),
  };
}

function percents(text: string): number[] {
  if (text === 'none') return [];
  return text.split(',').map((part) => {
    const percent = Number(part.trim());
    if (Number.isInteger(percent) && percent >= 1 && percent <= 1_000) return percent;
    throw usageError(`--alerts: "${part}" is not a percentage from 1 to 1000`);
  });
}
