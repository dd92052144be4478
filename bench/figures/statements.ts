/** Measures the cost for PostgreSQL, in CPU and bytes, of statements that every daemon repeats. */
import { serialize } from 'node:v8';
import { valkeyLeases } from '../../src/daemon/fleet/valkey-leases.js';
import { connect, type Sql } from '../../src/db/client.js';
import { readAllRows, readChanges } from '../../src/db/queries/configuration/read-configuration.js';
import { readDaemons, saveDaemon } from '../../src/db/queries/fleet/daemons.js';
import { takeLeases } from '../../src/db/queries/fleet/take-leases.js';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { mergeRollups } from '../../src/db/queries/usage/rollups.js';
import type { Wanted } from '../../src/limits/lease-store.js';
import { logRow } from '../../test/support/usage-row.js';
import { startPostgres } from '../faults/postgres.js';
import { printTable, run } from '../faults/report.js';

const defaults = {
  rows: 50_000,
  calls: 300,
  limits: 20,
  daemons: 30,
  keys: 50,
  models: 5,
  valkey: 0,
};

await run(defaults, async (options, closers) => {
  const { rows, calls, limits, daemons, keys, models, valkey } = options;
  const { sql, dbUrl, cpuUs } = await startPostgres(closers);
  // Sums are merged once their day is over.
  const startedMs = Date.now() - 2 * 86_400_000;
  await createRequestLogPartitions(sql, [new Date(startedMs).toISOString().slice(0, 10)]);
  const table: Record<string, string | number>[] = [];
  const measure = async (name: string, times: number, each: (time: number) => Promise<unknown>) => {
    await each(-1);
    const wal = await walBytes(sql);
    const [startUs, startMs] = [cpuUs(), performance.now()];
    for (let time = 0; time < times; time++) await each(time);
    const [us, ms] = [cpuUs() - startUs, performance.now() - startMs];
    const written = (await walBytes(sql)) - wal;
    table.push({
      statement: name,
      ms: ms / times,
      'CPU us': us / times,
      'WAL bytes': written / times,
    });
  };

  for (const batch of [1, 50, 1_000]) {
    const rowAt = (i: number) =>
      logRow({
        started_ms: startedMs + i,
        request_id: `0190c2a4-7d0e-7bb4-9f0e-${String(i).padStart(12, '0')}`,
        credential_id: i % keys,
        credential_name: `key ${i % keys}`,
        model: `model-${i % models}`,
        duration_ms: 200 + (i % 977),
        daemon: 'gw1-5c01f3aa',
      });
    await measure(`store ${batch} rows`, Math.min(calls, rows / batch), (time) =>
      insertRequestLogs(
        sql,
        Array.from({ length: batch }, (_, i) => rowAt(time * batch + i)),
      ),
    );
  }
  const [unmerged] = await sql`SELECT count(*)::int AS sums FROM usage_rollups`;
  const sums = Number(unmerged?.sums);
  let isMerged = false;
  await measure(`merge ${sums} sums`, 1, async (time) => {
    if (time === 0) isMerged = (await mergeRollups(sql)) > 0;
  });
  if (!isMerged) throw new Error('no sums were merged');
  for (const count of [0, limits]) {
    const wanted = Array.from({ length: count }, (_, i) => wantedOf(`key:${i}`));
    await measure(`lease ${count} limits`, calls, (time) =>
      takeLeases(sql, `d${Math.max(0, time) % 10}`, [], wanted, null),
    );
    if (valkey === 0) continue;
    const url = `redis://127.0.0.1:${valkey}`;
    const store = valkeyLeases({ url, ca: null, timeoutMs: 1_000, store: { sql } }, 'd0');
    closers.push(() => store.close());
    await measure(`lease ${count} limits of Valkey`, calls, () => store.take(wanted, []));
  }
  await saveDaemon(sql, report(0));
  for (const count of [1, daemons]) {
    for (let i = 1; i < count; i++) await saveDaemon(sql, report(i));
    await measure(`heartbeat of ${count} daemons`, calls, async () => {
      await saveDaemon(sql, report(0));
      await readDaemons(sql);
    });
  }
  const { daemons: known } = await readDaemons(sql);
  await sql`
    INSERT INTO credentials (credential_key, name, rate_limit, key_preview)
    SELECT encode(sha256(n::text::bytea), 'hex'), 'key ' || n, 100, 'sk-…' || n
    FROM generate_series(1, 1000) n`;
  const change = () => sql`UPDATE credentials SET rate_limit = rate_limit + 1 WHERE name = 'key 1'`;
  await measure('change a key', calls, change);
  let { position } = await readAllRows(sql);
  await change();
  await measure('read one change', calls, () => readChanges(sql, position));
  ({ position } = await readAllRows(sql));
  await measure('read no change', calls, () => readChanges(sql, position));
  for (const count of [1, daemons - 1]) {
    for (let i = 0; i < count; i++) {
      const listener = connect(dbUrl, { max: 1 });
      closers.push(() => listener.end({ timeout: 0 }));
      await listener.unsafe('LISTEN bench');
    }
    const listeners = count === 1 ? 1 : daemons;
    await measure(`notify ${listeners} listeners`, calls, () => sql`SELECT pg_notify('bench', '')`);
  }
  printTable(table);

  await sql`VACUUM ANALYZE request_logs`;
  const [size] = await sql<{ rows: number; table: number; indexes: number }[]>`
    SELECT (SELECT count(*)::int FROM request_logs) AS rows,
      sum(pg_table_size(inhrelid))::float8 AS table, sum(pg_indexes_size(inhrelid))::float8 AS indexes
    FROM pg_inherits WHERE inhparent = 'request_logs'::regclass`;
  const { rows: stored = 0, table: heap = 0, indexes = 0 } = size ?? {};
  printTable([
    {
      rows: stored,
      'table bytes/row': heap / stored,
      'index bytes/row': indexes / stored,
      'bytes of a daemon': serialize(known).length / known.length,
    },
  ]);
});

async function walBytes(sql: Sql): Promise<number> {
  const [at] =
    await sql`SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS bytes`;
  return Number(at?.bytes);
}

function wantedOf(name: string): Wanted {
  const lease = { rate: 1_000, burst: 1_000, held: 0, returned: 0, owed: 20, want: 20 };
  return { name, ...lease, least: 1, level: null, isFirst: false };
}

function report(index: number) {
  return {
    ...{ id: `gw${index}-5c01f3aa`, host: `gw${index}`, version: '0.1.0', pid: 4_711, workers: 3 },
    listeners: [`http://gw${index}:18000`],
    state: 'serving' as const,
    config_version: 42,
    shares_limits: true,
    limit_store: 'postgres',
    place: `place-of-gw${index}`,
    machine: `machine-of-gw${index}`,
    processes: [1, 2, 3, 4].map((pid) => ({ pid, started: 1_234_567 })),
  };
}
