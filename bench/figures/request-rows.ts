import type { Sql } from '../../src/db/client.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { say } from '../faults/report.js';

/** Columns that migrations after the 22nd have added, with a value for each row. */
export const laterColumns = [
  ['team', "'team-' || k % 200"],
  ['end_user', "CASE WHEN n % 3 = 0 THEN 'user-' || k % 5000 END"],
  ['tags', "CASE WHEN n % 2 = 0 THEN jsonb_build_array('env:prod', 'app:' || k % 50) END"],
  ['cost_nano', 'n % 100000'],
  ['currency', "'USD'"],
  ['price_revision', "'bench:1'"],
  ['usage_classes', "CASE WHEN n % 4 = 0 THEN jsonb_build_object('cacheRead', n % 90) END"],
  ['daemon', "'gw1-5c01f3aa'"],
] as const;

type Columns = readonly (readonly [name: string, value: string])[];

export const dayMs = 86_400_000;

/** The keys belong to 200 teams; there are as many models as providers. */
export async function addKeys(
  sql: Sql,
  { keys, providers }: { keys: number; providers: number },
): Promise<void> {
  say('adding keys and providers');
  await sql`INSERT INTO teams (name) SELECT 'team-' || n FROM generate_series(0, 199) n`;
  await sql`
    INSERT INTO providers (provider_key, api_base, api_key, model_mapping)
    SELECT 'provider-' || n, 'http://127.0.0.1:9/v1', 'k', jsonb_build_object('model-' || n, 'model-' || n)
    FROM generate_series(0, ${providers - 1}::int) n`;
  const batch = 10_000;
  for (let from = 1; from <= keys; from += batch) {
    await sql`
      INSERT INTO credentials (id, credential_key, name, rate_limit, key_preview, team)
      SELECT n, encode(sha256(n::text::bytea), 'hex'), 'key-' || n, 100, 'sk-…' || n, 'team-' || n % 200
      FROM generate_series(${from}::int, ${Math.min(from + batch - 1, keys)}::int) n`;
  }
  await sql`SELECT setval(pg_get_serial_sequence('credentials', 'id'), ${keys}::int)`;
}

/** Spreads rows evenly over days up to now. */
export async function addDays(
  sql: Sql,
  options: { rows: number; days: number; keys: number; providers: number },
  later: Columns,
): Promise<void> {
  const { rows, days } = options;
  const startMs = Date.now() - days * dayMs;
  const dates = Array.from({ length: days + 1 }, (_, day) => startMs + day * dayMs);
  await createRequestLogPartitions(sql, dates.map(dayOf));
  const perDay = Math.ceil(rows / days);
  for (let day = 0; day < days; day++) {
    say(`filling day ${day + 1} of ${days}`);
    await addRows(sql, startMs + day * dayMs, dayMs, perDay, options, later);
  }
  await sql`VACUUM ANALYZE request_logs`;
}

/**
 * Spreads rows evenly over a time, whose partitions exist. Few keys have most of the requests, as in
 * practice: the busiest hundredth of them has a fifth, and each asks for three models.
 */
export async function addRows(
  sql: Sql,
  startMs: number,
  lengthMs: number,
  rows: number,
  { keys, providers }: { keys: number; providers: number },
  later: Columns = laterColumns,
): Promise<void> {
  const more = (at: 0 | 1) => later.map((column) => `, ${column[at]}`).join('');
  await sql.unsafe(`
      INSERT INTO request_logs (started_at, uid, request_id, credential_id, credential_name,
        endpoint, model, model_sent, provider, attempts, status, error, prompt_tokens,
        completion_tokens, usage_source, stream, complete, duration_ms, upstream_ms,
        first_token_ms${more(0)})
      SELECT '${new Date(startMs).toISOString()}'::timestamptz + n * (interval '${lengthMs} ms' / ${rows}), gen_random_uuid(),
        gen_random_uuid()::text, k, 'key-' || k,
        '/v1/chat/completions', 'model-' || m, 'model-' || m, 'provider-' || m, 1,
        CASE WHEN n % 100 = 0 THEN 502 ELSE 200 END,
        CASE WHEN n % 100 = 0 THEN 'upstream_failed' END, 100 + n % 900, n % 500, 'provider',
        n % 2 = 0, true, 200 + n % 3000, 190 + n % 3000, 100 + n % 800${more(1)}
      FROM (
        SELECT n, k, (k * 7 + n % 3) % ${providers} AS m FROM (
          SELECT n, 1 + floor(${keys} * power(random(), 3))::int AS k
          FROM generate_series(0, ${rows - 1}) n
        ) AS numbered
      ) AS spread`);
}

export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
