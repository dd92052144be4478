/**
 * Measures how soon a key revoked by SQL is refused. Counts requests lost, and usage rows lost or
 * doubled, when Postgres is killed with kill -9 under load, and when it is down for a whole run of
 * the gateway, including start and stop.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { hashKey } from '../../src/config/secrets/credential-key.js';
import type { Sql } from '../../src/db/client.js';
import { type LoadOutcome, quantile, sendChat, startLoad } from '../../test/support/load.js';
import { createClosers } from '../closers.js';
import { temporaryDirectory } from '../directory.js';
import { type BenchGateway, startGateway, startMock } from './gateway.js';
import { startPostgres } from './postgres.js';
import { printTable, run, say } from './report.js';

await run(
  { seconds: 15, concurrency: 32, workers: 2, keys: 10 },
  async ({ seconds, concurrency, workers, keys }, closers) => {
    const { dbUrl, sql, kill, start } = await startPostgres(closers);
    const mock = await startMock(closers, { latencyMs: 10, chunks: 5, chunkIntervalMs: 2 });
    const home = temporaryDirectory(closers);
    const begin = async () => {
      const own = createClosers();
      closers.push(() => own.closeAll());
      return { gateway: await startGateway(own, { workers, dbUrl, home }), end: own.closeAll };
    };
    const load = (gateway: BenchGateway) => startLoad({ ...gateway, concurrency, streams: 0.3 });
    const rows: Record<string, string | number>[] = [];
    const count = async (outage: string, before: number, outcomes: readonly LoadOutcome[]) => {
      const stored = await storedRows(sql, before + outcomes.length);
      rows.push({
        outage,
        seconds,
        requests: outcomes.length,
        lost: outcomes.filter(({ kind }) => kind !== 'ok').length,
        'rows lost': before + outcomes.length - stored.different,
        'rows doubled': stored.all - stored.different,
      });
    };

    const first = await begin();
    await first.gateway.addProvider('p', mock.url);
    say('revoked keys');
    const refusedMs: number[] = [];
    for (let i = 0; i < keys; i++) refusedMs.push(await revoke(first.gateway, sql, `key-${i}`));

    say('killed');
    await pause(2_000);
    const { all: before } = await storedRows(sql, 0);
    const underWay = load(first.gateway);
    await pause(3_000);
    await kill();
    await pause(seconds * 1000);
    await start();
    await pause(3_000);
    await count('kill -9, then back', before, await underWay.stop());

    say('down from the start');
    await first.end();
    const { all: between } = await storedRows(sql, 0);
    await kill();
    const cold = await begin();
    const alone = load(cold.gateway);
    await pause(seconds * 1000);
    const outcomes = await alone.stop();
    await cold.end();
    await start();
    await begin();
    await count('down from start to stop', between, outcomes);

    printTable(rows);
    printTable([
      {
        'keys revoked': keys,
        'refused by all workers after ms (median)': Math.round(quantile(refusedMs, 0.5)),
        slowest: Math.round(Math.max(...refusedMs)),
      },
    ]);
  },
);

/** Revokes a working key; returns the milliseconds until no worker accepts it. */
async function revoke({ url, admin }: BenchGateway, sql: Sql, name: string): Promise<number> {
  const key = `sk-${name}-of-the-bench`;
  await admin('POST', '/credentials', { key, name });
  const answers = async (status: number) => {
    const asked = Array.from({ length: 20 }, () => sendChat({ url, key }, false));
    return (await Promise.all(asked)).every((outcome) => outcome.status === status);
  };
  if (!(await answers(200))) throw new Error('a new key is refused');
  await sql`UPDATE credentials SET is_enabled = false WHERE credential_key = ${hashKey(key)}`;
  const startMs = performance.now();
  while (!(await answers(401)));
  return performance.now() - startMs;
}

/** Counts usage rows and their distinct requests, once `expected` are stored or no more arrive. */
async function storedRows(sql: Sql, expected: number): Promise<{ all: number; different: number }> {
  const startMs = performance.now();
  for (;;) {
    const [row] = await sql<{ all: number; different: number }[]>`
      SELECT count(*) AS all, count(DISTINCT request_id) AS different FROM request_logs`.catch(
      () => [],
    );
    if (row && (row.all >= expected || performance.now() - startMs > 30_000)) return row;
    await pause(200);
  }
}
