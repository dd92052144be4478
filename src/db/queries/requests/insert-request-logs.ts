import type { UsageRow } from '../../../observe/usage/usage-row.js';
import type { Sql } from '../../client.js';

type Column = keyof UsageRow;

/** A column that is sent as an array literal. */
interface OwnColumn {
  /** In SQL. */
  type: string;
  element(value: never): string | number;
}

const whole = {
  type: 'bigint',
  element: (value: number | null | undefined) => value ?? 'NULL',
} satisfies OwnColumn;
/** Milliseconds with microseconds: fractions would take ten times as long to write. */
const milliseconds = {
  type: 'float8',
  element: (ms: number | null | undefined) =>
    ms == null ? 'NULL' : `${Math.round(ms * 1_000)}e-3`,
} satisfies OwnColumn;

/**
 * Columns that differ between rows: an array for each. A row that an older version left on disk
 * lacks newer ones.
 */
const own = {
  uid: { type: 'uuid', element: (uid: string) => uid },
  request_id: { type: 'text', element: quoted },
  session: {
    type: 'text',
    element: (name: string | null | undefined) => (name == null ? 'NULL' : quoted(name)),
  },
  started_ms: milliseconds,
  duration_ms: milliseconds,
  upstream_ms: milliseconds,
  first_token_ms: milliseconds,
  prompt_tokens: whole,
  completion_tokens: whole,
  cost_nano: whole,
  need_input: whole,
  need_output: whole,
  need_nano: whole,
  saved_nano: whole,
  saved_tokens: whole,
} as const satisfies Partial<Record<Column, OwnColumn>>;

/** Columns that rows of one key and model share: one JSON object for all of them. */
const shared = {
  credential_id: 'bigint',
  credential_name: 'text',
  team: 'text',
  endpoint: 'text',
  model: 'text',
  model_sent: 'text',
  provider: 'text',
  attempts: 'integer',
  status: 'integer',
  error: 'text',
  usage_source: 'text',
  currency: 'text',
  price_revision: 'text',
  stream: 'boolean',
  complete: 'boolean',
  translated_to: 'text',
  losses: 'text',
  cache: 'text',
  daemon: 'text',
  mirror: 'text',
} as const satisfies Partial<Record<Column, string>>;

/** Columns that most rows lack; rows that have one share nothing. */
const rare = {
  end_user: 'text',
  tags: 'jsonb',
  usage_classes: 'jsonb',
  guardrails: 'jsonb',
  compared: 'jsonb',
  request_body: 'text',
  response_body: 'text',
} as const satisfies Partial<Record<Column, string>>;

const common = { ...shared, ...rare };
({ ...own, ...common }) satisfies Record<Column, unknown>;

const ownNames = Object.keys(own) as (keyof typeof own)[];
const commonNames = Object.keys(common) as (keyof typeof common)[];
const stored = [...ownNames, ...commonNames].filter((name) => name !== 'started_ms');
const arrays = Object.values<OwnColumn>(own).map(({ type }, at) => `$${at + 1}::text::${type}[]`);

const statement = `
  INSERT INTO request_logs (started_at, ${stored.join(', ')})
  SELECT to_timestamp(started_ms / 1000), ${stored.join(', ')}
  FROM unnest(${arrays.join(', ')}, $${arrays.length + 1}::text::integer[]) AS own (${ownNames.join(', ')}, place)
  JOIN json_to_recordset($${arrays.length + 2}::text::json) AS common (
    place integer, ${Object.entries(common)
      .map((column) => column.join(' '))
      .join(', ')}
  ) USING (place)
  ON CONFLICT DO NOTHING`;

/**
 * Stores the rows in one statement, all or none. Rows that are already stored are left as they are.
 */
export async function insertRequestLogs(sql: Sql, rows: readonly UsageRow[]): Promise<void> {
  await sql.unsafe(statement, packRows(rows), { prepare: true });
}

/**
 * Parameters of the statement that stores rows. As one JSON text they would cost the server three
 * times as much to read, and the control process twice as much to write.
 */
export function packRows(rows: readonly UsageRow[]): string[] {
  const latest = new Map<string, { row: UsageRow; place: number }>();
  const objects: string[] = [];
  const places = rows.map((row) => {
    const like = latest.get(row.model);
    if (like && isAlike(like.row, row)) return like.place;
    const place = objects.length;
    objects.push(JSON.stringify({ place, ...valuesOf(row) }));
    latest.set(row.model, { row, place });
    return place;
  });
  const columns = ownNames.map((name) => {
    const element = own[name].element as (value: UsageRow[Column]) => string | number;
    return literal(rows.map((row) => element(row[name])));
  });
  return [...columns, literal(places), `[${objects.join(',')}]`];
}

function literal(elements: readonly (string | number)[]): string {
  return `{${elements.join(',')}}`;
}

function valuesOf(row: UsageRow): Partial<UsageRow> {
  const values: Partial<Record<Column, unknown>> = {};
  for (const name of commonNames) if (row[name] != null) values[name] = row[name];
  return values as Partial<UsageRow>;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** True if two rows of one model can share an object. Generated code, since a loop takes longer. */
const isAlike = new Function(
  'a',
  'b',
  `return ${[
    ...Object.keys(shared).map((name) => `a.${name} === b.${name}`),
    ...Object.keys(rare).map((name) => `a.${name} == null && b.${name} == null`),
  ].join(' && ')}`,
) as (a: UsageRow, b: UsageRow) => boolean;
