import { Command } from 'commander';
import {
  listRequests,
  type RequestLogRow,
  requestColumns,
} from '../../db/queries/requests/list-requests.js';
import {
  type RequestFilter,
  requestOrders,
  statusPattern,
} from '../../db/queries/requests/request-filter.js';
import { csv } from '../../observe/csv.js';
import { defaultSince } from '../../observe/usage/period.js';
import type { AsJson } from '../admin-api.js';
import { sortColumn, wholeNumber } from '../arguments.js';
import { openGateway } from '../daemon/ask-daemon.js';
import { remoteUrl } from '../daemon/remote-gateway.js';
import { addGatewayOptions, type DatabaseFlags, withDatabase } from '../database/connection.js';
import { usageError } from '../failure.js';
import { note, outputWidth, printData, printJson, printTable } from '../output.js';
import { dollars } from '../spend/price-flags.js';
import { timeIn } from '../times.js';
import {
  addRequestFilters,
  filterOf,
  orTooMuch,
  parametersOf,
  type RequestFlags,
  timeZoneOf,
} from './request-filters.js';
import { compact, duration } from './usage-view.js';

interface ListFlags extends DatabaseFlags, RequestFlags {
  status?: string;
  error?: string;
  session?: string;
  id?: string;
  minDuration?: number;
  minCost?: number;
  maxCost?: number;
  sort?: string;
  limit: number;
  csv?: boolean;
}

/** `llmproxy requests`: searches single requests. */
export function requestsCommand(): Command {
  const command = new Command('requests').description('list and search requests, newest first');
  addRequestFilters(command, defaultSince)
    .option('--status <status>', 'such as 429, 5xx, error, or retried', status)
    .option('--error <code>', "only requests with this code of the gateway's own errors")
    .option('--session <name>', 'only requests of this session, as clients name it; * as above')
    .option('--id <id>', 'only requests with this id; * matches any characters')
    .option(
      '--min-duration <ms>',
      'only requests that took at least this long',
      wholeNumber('--min-duration', 0, 86_400_000),
    )
    .option('--min-cost <dollars>', 'only requests that cost at least this much', (text: string) =>
      dollars('min-cost', text),
    )
    .option(
      '--max-cost <dollars>',
      'only requests that cost at most so much; 0: what was free',
      (text: string) => dollars('max-cost', text),
    )
    .option(
      '--sort <column>',
      `${requestOrders.join(', ')}; -column: largest first`,
      sortColumn(requestOrders),
    )
    .option('--limit <n>', 'maximum number of requests', wholeNumber('--limit', 1, 100_000), 50)
    .option('--csv', 'print CSV');
  return addGatewayOptions(command)
    .addHelpText(
      'after',
      `
Requests with a valid key and a model are kept for usage.retention_days. For
all details of one, run: llmproxy explain ID

Examples:
  $ llmproxy requests --status error --since 1h
  $ llmproxy requests --key alice --model "gpt-4o*" --limit 200
  $ llmproxy requests --team chat --user u-17 --json
  $ llmproxy requests --tag nightly --min-cost 0.05 --min-duration 10000
  $ llmproxy requests --since 7d --sort -cost_nano --limit 20
  $ llmproxy requests --provider openai --csv > requests.csv`,
    )
    .action(run);
}

async function run({ limit, csv: asCsv, ...flags }: ListFlags): Promise<void> {
  const { status: only = null, error = null, id = null, session = null } = flags;
  const { minDuration = null, minCost = null, maxCost = null, sort = null } = flags;
  const filter = {
    ...{ ...filterOf(flags), status: only, error, session, requestId: id },
    ...{ minDurationMs: minDuration, minCostNano: minCost, maxCostNano: maxCost, sort },
  };
  const rows = await readRequests(filter, limit, flags);
  if (asCsv) {
    printData(
      csv(
        requestColumns,
        rows.map((row) => requestColumns.map((column) => row[column])),
      ),
    );
  } else if (flags.json) printJson(rows);
  else printRequests(rows, timeZoneOf(flags), flags.sort === undefined ? limit : null);
}

/** From the database, or from the gateway that the flags name. */
async function readRequests(
  filter: RequestFilter,
  limit: number,
  flags: DatabaseFlags,
): Promise<RequestLogRow[]> {
  if (remoteUrl(flags) === null) {
    return await withDatabase(flags, 'read', (sql) => orTooMuch(listRequests(sql, filter, limit)));
  }
  const query = parametersOf(filter);
  query.set('limit', String(limit));
  const ask = await openGateway(flags, flags.json);
  const { requests } = (await ask(`/admin/v1/requests?${query}`)) as {
    requests: AsJson<RequestLogRow>[];
  };
  return requests.map((row) => ({ ...row, started_at: new Date(row.started_at) }));
}

/** @param limit of the newest ones; null if they are in another order. */
function printRequests(
  rows: readonly RequestLogRow[],
  timeZone: string,
  limit: number | null,
): void {
  if (rows.length === 0) {
    note('no such requests in this period');
    return;
  }
  const days = new Set(rows.map(({ started_at }) => timeIn(timeZone, started_at, 10)));
  const [day] = days;
  // In a table of limited width, the day that all have leaves room for the ids.
  const isShort = days.size === 1 && Number.isFinite(outputWidth());
  note(isShort ? `times of ${day} in ${timeZone}` : `times in ${timeZone}`);
  const lines = printTable(rows, [
    {
      header: 'TIME',
      value: ({ started_at }) => timeIn(timeZone, started_at).slice(isShort ? 11 : 0),
    },
    { header: 'STATUS', value: statusOf, shrinkTo: 6 },
    { header: 'KEY', value: (row) => row.credential_name, shrinkTo: 6 },
    ...(rows.some(({ team }) => team !== null)
      ? [{ header: 'TEAM', value: ({ team }: RequestLogRow) => team ?? '-', shrinkTo: 6 }]
      : []),
    { header: 'MODEL', value: ({ model }) => model, shrinkTo: 6 },
    { header: 'PROVIDER', value: ({ provider }) => provider ?? '-', shrinkTo: 8 },
    { header: 'TOKENS', value: tokens, align: 'right' },
    ...(rows.some(({ cache }) => cache !== null)
      ? [{ header: 'CACHE', value: ({ cache }: RequestLogRow) => cache ?? '-' }]
      : []),
    { header: 'TOOK', value: (row) => duration(row.duration_ms), align: 'right' },
    { header: 'ID', value: (row) => row.request_id, shrinkTo: 8 },
  ]);
  if (lines.some((line) => line.endsWith('…')))
    note('ids are cut: a wider terminal, or --json, shows whole ones, for llmproxy explain ID');
  if (rows.length === limit)
    note(`the newest ${limit}: there may be more, see --limit and --until`);
}

function statusOf({ status: code, error, complete }: RequestLogRow): string {
  if (error !== null) return `${code} ${error}`;
  return complete ? String(code) : `${code} cut off`;
}

function tokens({ prompt_tokens: prompt, completion_tokens: completion }: RequestLogRow): string {
  return prompt === null && completion === null ? '-' : compact((prompt ?? 0) + (completion ?? 0));
}

function status(text: string): string {
  if (new RegExp(statusPattern).test(text)) return text;
  throw usageError(`--status: "${text}" is not a status such as 429, 5xx, error or retried`);
}
