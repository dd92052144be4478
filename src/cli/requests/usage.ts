import { Command } from 'commander';
import type { Sql } from '../../db/client.js';
import type { RequestFilter } from '../../db/queries/requests/request-filter.js';
import {
  type ComparedUsage,
  compareUsage,
  isTime,
  sumUsage,
  type Usage,
  type UsageGrouping,
  usageGroupings,
  usageOrders,
} from '../../db/queries/usage/sum-usage.js';
import { defaultSince } from '../../observe/usage/period.js';
import { usageCsv } from '../../observe/usage/usage-csv.js';
import { sortColumn, wholeNumber } from '../arguments.js';
import { openGateway } from '../daemon/ask-daemon.js';
import { remoteUrl } from '../daemon/remote-gateway.js';
import { addGatewayOptions, type DatabaseFlags, withDatabase } from '../database/connection.js';
import { usageError } from '../failure.js';
import { note, printData, printJson } from '../output.js';
import { exportCommand } from './export.js';
import {
  addRequestFilters,
  comparedPeriod,
  filterOf,
  orTooMuch,
  parametersOf,
  type RequestFlags,
  timeZoneOf,
} from './request-filters.js';
import { rerateCommand } from './rerate.js';
import { printUsage } from './usage-view.js';

interface UsageFlags extends DatabaseFlags, RequestFlags {
  by: UsageGrouping[];
  compare?: string;
  csv?: boolean;
  limit?: number;
  sort?: string;
  top?: number;
}

/** `llmproxy usage`: sums over the requests of a period. */
export function usageCommand(): Command {
  const command = new Command('usage')
    .description('sum requests, tokens, cost and latency')
    .option('--by <what>', `${usageGroupings.join(', ')}; or two, such as key,day`, groupings, [
      'key',
    ]);
  addRequestFilters(command, defaultSince)
    .option(
      '--limit <n>',
      `sums at most, the first by --sort; the total is of all (tables: ${tableSums}, or ${tableSumsOfTime} by a key and day; others: all)`,
      wholeNumber('--limit', 1, 1_000_000),
    )
    .option(
      '--sort <column>',
      `${usageOrders.join(', ')}; -column: largest first`,
      sortColumn(usageOrders),
    )
    .option(
      '--top <n>',
      'only so many values of the last grouping; the others are summed as one',
      wholeNumber('--top', 1, 100),
    )
    .option('--compare <time>', 'change of cost from the period between this and --since');
  // The subcommands have options of the same names.
  command.enablePositionalOptions().addCommand(exportCommand()).addCommand(rerateCommand());
  return addGatewayOptions(command.option('--csv', 'print CSV'))
    .addHelpText(
      'after',
      `
Days, hours and times without a zone are local, or UTC with --utc. Tokens are
those reported by providers; EST is the share counted here instead. COST has a +
where some models have no price. TTFT is the median time to the first token. A
request of several tags is in the sum of each.

Examples:
  $ llmproxy usage
  $ llmproxy usage --by model --since 7d
  $ llmproxy usage --by team,user --tag nightly
  $ llmproxy usage --by day,model --top 5 --sort -cost_nano
  $ llmproxy usage --by key,model --provider openai --csv > usage.csv
  $ llmproxy usage --by team --since 7d --compare 14d
  $ llmproxy usage --by day --since 2026-01-01 --until 2026-02-01 --json`,
    )
    .action(run);
}

/** Nobody reads more, and 100,000 keys would take seconds. */
const tableSums = 100;
/** Periods are all shown; those of each key may be millions. */
const tableSumsOfTime = 1_000;

async function run({ by, csv, ...flags }: UsageFlags): Promise<void> {
  const filter = filterOf(flags);
  const timeZone = timeZoneOf(flags);
  const isTable = !csv && !flags.json && flags.limit === undefined;
  const most = !by.some(isTime) ? tableSums : by.length > 1 ? tableSumsOfTime : null;
  const limit = isTable && most !== null ? { limit: most } : {};
  const { groups, total, compared } = await readUsage(filter, timeZone, { by, ...flags, ...limit });
  const { since, until } = filter;
  if (csv) printData(usageCsv(by, groups, total));
  else if (flags.json) {
    const sums = { since, until, by: by.join(','), timezone: timeZone, usage: groups, total };
    printJson(compared === null ? sums : { ...sums, compared });
  } else printUsage(by, timeZone, groups, total, compared);
  if (limit.limit === groups.length) {
    note(`at most ${limit.limit} sums are shown: --limit shows more`);
  }
}

/** Sums, and those of the period that they are compared with. */
type Read = Usage & { compared: ComparedUsage | null };

/** From the database, or from the gateway that the flags name. */
async function readUsage(
  filter: RequestFilter,
  timeZone: string,
  flags: UsageFlags,
): Promise<Read> {
  const { by, limit, sort, top, compare } = flags;
  const other = compare === undefined ? null : comparedPeriod(compare, filter, flags);
  const bounds = {
    ...(limit !== undefined && { limit }),
    ...(sort !== undefined && { sort }),
    ...(top !== undefined && { top }),
  };
  if (remoteUrl(flags) === null) {
    const read = async (sql: Sql): Promise<Read> => {
      const now = await sumUsage(sql, by, filter, { timeZone, ...bounds });
      if (other === null) return { ...now, compared: null };
      return {
        ...now,
        compared: await compareUsage(sql, by, filter, other, now.groups, { timeZone }),
      };
    };
    return await withDatabase(flags, 'read', (sql) => orTooMuch(read(sql)));
  }
  const query = parametersOf(filter);
  query.set('by', by.join(','));
  query.set('timezone', timeZone);
  for (const [name, value] of Object.entries(bounds)) query.set(name, String(value));
  if (other) query.set('compare_since', other.since.toISOString());
  const ask = await openGateway(flags, flags.json);
  const {
    usage: groups,
    total,
    compared = null,
  } = (await ask(`/admin/v1/usage?${query}`)) as RemoteUsage;
  return { groups, total, compared };
}

interface RemoteUsage {
  usage: Usage['groups'];
  total: Usage['total'];
  compared?: ComparedUsage;
}

function groupings(text: string): UsageGrouping[] {
  const names = text.split(',').map((name) => name.trim());
  const known = names.filter(isGrouping);
  if (known.length === names.length && known.length <= 2 && new Set(known).size === known.length) {
    return known;
  }
  throw usageError(`--by: "${text}" is not one or two of ${usageGroupings.join(', ')}`);
}

function isGrouping(name: string): name is UsageGrouping {
  return usageGroupings.some((grouping) => grouping === name);
}
