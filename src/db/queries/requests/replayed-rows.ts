import {
  kindColumns,
  type ReplayedRow,
  type RequestKind,
  replayedNumbers,
} from '../../../observe/usage/usage-row.js';
import type { Sql } from '../../client.js';
import { runReport } from '../../report.js';
import { type RequestFilter, where } from './request-filter.js';

/** Large enough that waiting for the server between two parts costs little. */
const partRows = 5_000;
/** Past this many kinds of requests, they are read again. */
const maxKinds = 20_000;

/** Columns of texts that many requests share, and of numbers: each further column would cost more. */
interface PackedRow {
  /** A JSON array. */
  kind: string;
  /** The start in microseconds since the epoch, then `replayedNumbers`, separated by commas. */
  numbers: string;
  usage_classes: ReplayedRow['usage_classes'];
}

const packedColumns = `
  json_build_array(${kindColumns.join(', ')})::text AS kind,
  concat(
    (date_part('epoch', started_at) * 1000000)::bigint, ',', ${replayedNumbers.join(", ',', ")}
  ) AS numbers,
  usage_classes`;

/** The requests of a period by their start, in parts: each is used before the next is read. */
export async function* replayedRows(
  sql: Sql,
  since: Date,
  until: Date,
): AsyncGenerator<ReplayedRow[]> {
  const kinds = new Map<string, RequestKind>();
  const parts = sql<PackedRow[]>`
    SELECT ${sql.unsafe(packedColumns)}
    FROM request_logs
    WHERE started_at >= ${since} AND started_at < ${until} AND mirror IS NULL
    ORDER BY started_at, uid`.cursor(partRows);
  for await (const part of parts) {
    if (kinds.size > maxKinds) kinds.clear();
    yield part.map((row) => unpacked(row, kinds));
  }
}

function unpacked(row: PackedRow, kinds: Map<string, RequestKind>): ReplayedRow {
  let kind = kinds.get(row.kind);
  if (!kind) {
    const values: unknown[] = JSON.parse(row.kind);
    kind = Object.fromEntries(kindColumns.map((name, i) => [name, values[i]])) as RequestKind;
    kinds.set(row.kind, kind);
  }
  const numbers = row.numbers.split(',');
  return {
    kind,
    started_ms: Number(numbers[0]) / 1_000,
    prompt_tokens: count(numbers[1]),
    completion_tokens: count(numbers[2]),
    usage_classes: row.usage_classes,
    cost_nano: count(numbers[3]),
    duration_ms: Number(numbers[4]),
    upstream_ms: Number(numbers[5]),
    need_input: count(numbers[6]),
    need_output: count(numbers[7]),
    need_nano: count(numbers[8]),
  };
}

function count(text: string | undefined): number | null {
  return text ? Number(text) : null;
}

/**
 * Nano-dollars that the requests of a filter cost.
 * @throws ReportError where it takes too long.
 */
export async function sumCost(sql: Sql, filter: RequestFilter): Promise<number> {
  const [row] = await runReport<{ cost: number }>(
    sql,
    `SELECT coalesce(sum(cost_nano), 0)::bigint AS cost
     FROM request_logs WHERE ${where(filter)}`,
  );
  return row?.cost ?? 0;
}
