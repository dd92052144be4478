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
const partRows = 2_000;
/** Past this many kinds of requests, they are read again. */
const maxKinds = 20_000;

/** Columns of texts that many requests share, and of numbers: each further column would cost more. */
interface PackedRow {
  /** A JSON array. */
  kind: string;
  /** Whole numbers: the start and `replayedNumbers`, durations in microseconds. */
  numbers: string;
  usage_classes: ReplayedRow['usage_classes'];
}

const microseconds = replayedNumbers.map((name) =>
  name.endsWith('_ms') ? `(${name} * 1000)::bigint` : name,
);
const packedColumns = `
  json_build_array(${kindColumns.join(', ')})::text AS kind,
  concat(
    (date_part('epoch', started_at) * 1000000)::bigint, ',', ${microseconds.join(", ',', ")}
  ) AS numbers,
  usage_classes`;

/** The requests of a period by their start, in parts, of which each is to be used once. */
export async function* replayedRows(
  sql: Sql,
  since: Date,
  until: Date,
): AsyncGenerator<Iterable<ReplayedRow>> {
  const kinds = new Map<string, RequestKind>();
  const parts = sql<PackedRow[]>`
    SELECT ${sql.unsafe(packedColumns)}
    FROM request_logs
    WHERE started_at >= ${since} AND started_at < ${until} AND mirror IS NULL
    ORDER BY started_at, uid`.cursor(partRows);
  for await (const part of parts) {
    if (kinds.size > maxKinds) kinds.clear();
    yield eachUnpacked(part, kinds);
  }
}

/** One after the other: rows of which none is kept cost the least memory. */
function* eachUnpacked(part: readonly PackedRow[], kinds: Map<string, RequestKind>) {
  for (const row of part) yield unpacked(row, kinds);
}

function unpacked(row: PackedRow, kinds: Map<string, RequestKind>): ReplayedRow {
  let kind = kinds.get(row.kind);
  if (!kind) {
    const values: unknown[] = JSON.parse(row.kind);
    kind = Object.fromEntries(kindColumns.map((name, i) => [name, values[i]])) as RequestKind;
    kinds.set(row.kind, kind);
  }
  const numbers = new WholeNumbers(row.numbers);
  return {
    kind,
    started_ms: (numbers.next() ?? 0) / 1_000,
    prompt_tokens: numbers.next(),
    completion_tokens: numbers.next(),
    cost_nano: numbers.next(),
    duration_ms: (numbers.next() ?? 0) / 1_000,
    upstream_ms: (numbers.next() ?? 0) / 1_000,
    need_input: numbers.next(),
    need_output: numbers.next(),
    need_nano: numbers.next(),
    usage_classes: row.usage_classes,
  };
}

const comma = 0x2c;
const zero = 0x30;

/** Reads numbers that are separated by commas, without a text for each. */
class WholeNumbers {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Null where there is none before the next comma. */
  next(): number | null {
    let value: number | null = null;
    while (this.#at < this.#text.length) {
      const code = this.#text.charCodeAt(this.#at++);
      if (code === comma) break;
      value = (value ?? 0) * 10 + (code - zero);
    }
    return value;
  }
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
