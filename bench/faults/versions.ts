/**
 * Runs an older version beside this one on one database, which this one migrates, and counts requests and
 * rows lost: `LLMPROXY_OTHER=/path/to/older/bin/llmproxy.js node dist/bench/faults/versions.js`. Says why
 * where no other version is given.
 */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { sendChat, startLoad, tally } from '../../test/support/load.js';
import type { Closers } from '../closers.js';
import { temporaryDirectory } from '../directory.js';
import { runCommand } from '../targets/process.js';
import { type BenchGateway, executable, startGateway, startMock } from './gateway.js';
import { startPostgres } from './postgres.js';
import { printTable, run, say } from './report.js';

const other = process.env.LLMPROXY_OTHER;

await run({ seconds: 20, concurrency: 8, 'other-schema': 17 }, async (options, closers) => {
  if (other === undefined) return say('skipped: LLMPROXY_OTHER names no other version');
  const { seconds, concurrency } = options;
  const { dbUrl, sql } = await startPostgres(closers, options['other-schema']);
  const mock = await startMock(closers, { latencyMs: 10, chunks: 5, chunkIntervalMs: 2 });
  const old = await startGateway(closers, { dbUrl, executable: other });
  await old.addProvider('p', mock.url);
  const load = (gateway: BenchGateway) =>
    startLoad({ ...gateway, key: old.key, concurrency, streams: 0.3 });
  const onOld = load(old);
  await pause((seconds * 1_000) / 4);
  const now = await startGateway(closers, { dbUrl, home: homeBeside(closers, old) });
  const onNew = load(now);
  const usedAfterMs: number[] = [];
  for (const [made, used] of [
    [old, now],
    [now, old],
  ] as const) {
    const { credential } = await made.admin('POST', '/credentials', { name: `of-${made.port}` });
    const key = String((credential as unknown as { key: string }).key);
    const startMs = performance.now();
    while ((await sendChat({ url: used.url, key }, false)).status !== 200) {
      if (performance.now() - startMs > 10_000) throw new Error('a key of the other is refused');
    }
    usedAfterMs.push(Math.round(performance.now() - startMs));
  }
  await pause(seconds * 1_000);
  const outcomes = [...(await onOld.stop()), ...(await onNew.stop())];
  const startMs = performance.now();
  const stored = async () => {
    const [row] = await sql`
      SELECT count(*)::int AS all, count(DISTINCT request_id)::int AS different FROM request_logs`;
    return { all: Number(row?.all), different: Number(row?.different) };
  };
  // One request each has tried a key of the other, or more.
  while ((await stored()).different < outcomes.length + 2 && performance.now() - startMs < 20_000) {
    await pause(200);
  }
  const { all, different } = await stored();
  const { 'ok 200': served = 0 } = tally(outcomes);
  const verified = await runCommand(process.execPath, [executable, 'audit', 'verify'], {
    ...now.env,
  });
  say(verified.trim());
  printTable([
    {
      requests: outcomes.length,
      lost: outcomes.length - served,
      'rows lost': Math.max(0, outcomes.length - different),
      'rows doubled': all - different,
      'key of the old used by the new after ms': usedAfterMs[0] ?? 0,
      'of the new by the old': usedAfterMs[1] ?? 0,
    },
  ]);
});

/** The folder of a gateway that can decrypt the secrets of another one, and makes no rows. */
function homeBeside(closers: Closers, { dataDir }: BenchGateway): string {
  const home = temporaryDirectory(closers);
  for (const name of ['config', 'data']) mkdirSync(join(home, name));
  cpSync(join(dataDir, 'secret-key'), join(home, 'data/secret-key'));
  return home;
}
