import {
  kindColumns,
  type ReplayedRow,
  type RequestKind,
  replayedNumbers,
} from '../../../observe/usage/usage-row.js';
import type { Sql } from '../../client.js';
import { runReport } from '../../report.js';
import { type RequestFilter, where } from './request-filter.js';

/** Large enough that waiting for the server between parts costs little. */
const partRows = 2_000;
/** After this many kinds of requests, kinds are read again. */
const maxKinds = 20_000;

/**
 * Columns as the server writes them. Few columns, and no JSON except for tags, since both cost time for
 * each row: a record of texts that many requests share, and whole numbers.
 */
type PackedRow = [kind: Buffer, numbers: Buffer, usageClasses: Buffer | null];

/** Durations in microseconds. */
const microseconds = replayedNumbers.map((name) =>
  name.endsWith('_ms') ? `(${name} * 1000)::bigint` : name,
);
const kindTexts = kindColumns.map((name) => (name === 'tags' ? 'to_json(tags)' : name));
const packedColumns = `
  ROW(${kindTexts.join(', ')})::text,
  concat(
    (date_part('epoch', started_at) * 1000000)::bigint, ',', ${microseconds.join(", ',', ")}
  ),
  usage_classes`;

/** The requests of a period by their start, in parts. Each row may be used once. */
export async function* replayedRows(
  sql: Sql,
  since: Date,
  until: Date,
): AsyncGenerator<Iterable<ReplayedRow>> {
  const kinds = new Map<string, RequestKind>();
  const parts = sql`
    SELECT ${sql.unsafe(packedColumns)}
    FROM request_logs
    WHERE started_at >= ${since} AND started_at < ${until} AND mirror IS NULL
    ORDER BY started_at, uid`
    .raw()
    .cursor(partRows);
  for await (const part of parts) {
    if (kinds.size > maxKinds) kinds.clear();
    yield eachUnpacked(part as unknown as readonly PackedRow[], kinds);
  }
}

/** One row at a time: rows that are not kept need the least memory. */
function* eachUnpacked(part: readonly PackedRow[], kinds: Map<string, RequestKind>) {
  for (const row of part) yield unpacked(row, kinds);
}

function unpacked(
  [record, texts, classes]: PackedRow,
  kinds: Map<string, RequestKind>,
): ReplayedRow {
  // One character for each byte: the fastest key.
  const name = record.toString('latin1');
  let kind = kinds.get(name);
  if (!kind) {
    kind = kindIn(record.toString());
    kinds.set(name, kind);
  }
  const numbers = new WholeNumbers(texts);
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
    usage_classes: classes && JSON.parse(classes.toString()),
  };
}

/** A field of a record's text: in quotes, which it doubles, or none where it is null. */
const fields = /[(,](?:"((?:[^"]|"")*)"|([^,)]*))/g;
const numeric: ReadonlySet<string> = new Set(['credential_id', 'attempts', 'status']);

function kindIn(record: string): RequestKind {
  const values = [...record.matchAll(fields)].map(([, quoted, plain]) =>
    quoted === undefined ? plain || null : quoted.replace(/""|\\\\/g, ([first]) => first ?? ''),
  );
  const entries = kindColumns.map((name, index) => {
    const text = values[index] ?? null;
    if (text === null) return [name, null];
    if (name === 'tags') return [name, JSON.parse(text)];
    return [name, numeric.has(name) ? Number(text) : text];
  });
  return Object.fromEntries(entries) as RequestKind;
}

const comma = 0x2c;
const zero = 0x30;

/** Reads comma-separated numbers, without a text for each. */
class WholeNumbers {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Null if there is no number before the next comma. */
  next(): number | null {
    let value: number | null = null;
    while (this.#at < this.#bytes.length) {
      const code = this.#bytes[this.#at++] as number;
      if (code === comma) break;
      value = (value ?? 0) * 10 + (code - zero);
    }
    return value;
  }
}

/** Nano-dollars that the requests of a filter cost. @throws ReportError if it takes too long. */
export async function sumCost(sql: Sql, filter: RequestFilter): Promise<number> {
  const [row] = await runReport<{ cost: number }>(
    sql,
    `SELECT coalesce(sum(cost_nano), 0)::bigint AS cost
     FROM request_logs WHERE ${where(filter)}`,
  );
  return row?.cost ?? 0;
}
