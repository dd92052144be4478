import { usageCounts } from '../../../observe/usage/usage-sum.js';
import type { Sql } from '../../client.js';

/** A bucket of roll-ups with rows to merge. */
interface Bucket {
  dimensions: string;
  grain: string;
  bucket: string;
}

/** Number of rows from which a bucket that is not over yet is merged. */
const manyRows = 20_000;
const columns = ['dimensions', 'grain', 'bucket', 'credential_id', 'credential_name'];
const names = [...columns, 'team', 'model', 'provider', 'end_user', 'tag'].join(', ');
const counts = [
  ...usageCounts,
  ...['cache_write_tokens', 'reasoning_tokens', 'duration_us', 'first_tokens', 'first_token_us'],
];
const histograms = ['durations', 'first_token_times'];

/**
 * Merges the roll-ups of past hours and days, and of buckets with many rows. Others may read, add
 * and merge roll-ups meanwhile.
 * @returns number of merged buckets.
 */
export async function mergeRollups(sql: Sql): Promise<number> {
  const buckets = await sql<Bucket[]>`
    SELECT dimensions, grain, bucket::text AS bucket FROM usage_rollups WHERE NOT is_merged
    GROUP BY dimensions, grain, bucket
    HAVING count(*) >= ${manyRows} OR bucket + ('1 ' || grain)::interval < now() - interval '1 minute'
    ORDER BY bucket`;
  for (const { dimensions, grain, bucket } of buckets) {
    await sql.unsafe(mergeStatement, [dimensions, grain, bucket]);
  }
  return buckets.length;
}

/** Rows that are gone when it locks them were merged by another daemon. */
const mergeStatement = `
  WITH gone AS (
    DELETE FROM usage_rollups WHERE dimensions = $1 AND grain = $2 AND bucket = $3::timestamptz
    RETURNING *
  )
  INSERT INTO usage_rollups (is_merged, ${[names, ...counts, ...histograms].join(', ')})
  SELECT true, ${names}, ${counts.map((column) => `sum(${column})`).join(', ')},
    ${histograms
      .map((column) => {
        const all = `array_agg(ROW(${column})::llmproxy_histogram) FILTER (WHERE ${column} IS NOT NULL)`;
        // Most keys have one row in most hours, and calling the function costs more than all the rest.
        return `CASE WHEN count(*) = 1 THEN ((${all})[1]).counts ELSE llmproxy_merge_histograms(${all}) END`;
      })
      .join(', ')}
  FROM gone GROUP BY ${names} HAVING sum(requests) <> 0`;

/**
 * Adds the newest hour of rows stored by a version without roll-ups.
 * @returns true if there are no further ones.
 */
export async function fillRollups(sql: Sql): Promise<boolean> {
  const [state] = await sql`SELECT llmproxy_fill_rollups() = '-infinity' AS done`;
  return state?.done ?? true;
}

/** Removes roll-ups of UTC days before this one, such as `2026-01-31`. */
export async function dropRollupsBefore(sql: Sql, day: string): Promise<void> {
  await sql`
    DELETE FROM usage_rollups WHERE bucket < ${day}::date::timestamp AT TIME ZONE 'UTC'`;
}

/** Indexes of sums. Merged ones only are ranked by theirs, so that appending costs no more. */
const indexes = {
  usage_rollups_key: `usage_rollups (grain, bucket, credential_id)
    INCLUDE (requests, cost_nano, credential_name) WHERE dimensions = 'key' AND is_merged`,
  usage_folds_tag_key: `usage_folds (grain, bucket, tag, credential_id)
    INCLUDE (requests, cost_nano, credential_name) WHERE dimensions = 'tag_key'`,
  usage_folds_model: `usage_folds (grain, bucket, model) WHERE dimensions = 'key_model'`,
  usage_folds_provider: `usage_folds (grain, bucket, provider) WHERE dimensions = 'key_model'`,
};

/** An index alone can answer only for pages that were vacuumed. */
const storage = [
  'autovacuum_vacuum_insert_threshold=50000',
  'autovacuum_vacuum_insert_scale_factor=0',
];

/**
 * Makes the indexes by which reports rank keys, also those of a tag, and find those of a model or provider, while
 * others append and merge: in a migration they would wait. One that was left unfinished is made again.
 */
export async function indexSums(sql: Sql): Promise<void> {
  for (const [name, on] of Object.entries(indexes)) {
    const [index] = await sql<{ isValid: boolean; isBusy: boolean }[]>`
      SELECT indisvalid AS "isValid", EXISTS (
        SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = indexrelid) AS "isBusy"
      FROM pg_index WHERE indexrelid = to_regclass(${name})`;
    if (index?.isValid || index?.isBusy) continue;
    // CONCURRENTLY is refused within a transaction: each is a statement of its own.
    if (index) await sql.unsafe(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
    await sql.unsafe(`CREATE INDEX CONCURRENTLY IF NOT EXISTS ${name} ON ${on}`);
  }
  const [differs] = await sql`SELECT FROM pg_class
    WHERE oid = 'usage_rollups'::regclass AND (reloptions @> string_to_array(${storage.join()}, ',')) IS NOT TRUE`;
  // A change waits for a vacuum that runs, and others then wait for it.
  if (differs) await sql.unsafe(`ALTER TABLE usage_rollups SET (${storage.join(', ')})`);
}
