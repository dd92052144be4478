/**
 * Measures changes of single keys among many: the time until every worker uses one, and the CPU of the
 * control process for it. `at once` creates four keys together and uses each as soon as it is answered.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { quantile, sendChat } from '../../test/support/load.js';
import { startGateway, startMock } from '../faults/gateway.js';
import { startPostgres } from '../faults/postgres.js';
import { printTable, run, say } from '../faults/report.js';

const batch = 10_000;

await run({ keys: 100_000, changes: 30, workers: 2 }, async (options, closers) => {
  const { keys, changes, workers } = options;
  const { dbUrl, sql } = await startPostgres(closers);
  say(`${keys} keys`);
  for (let from = 0; from < keys; from += batch) {
    await sql`
      INSERT INTO credentials (credential_key, key_preview, name, rate_limit)
      SELECT encode(sha256(n::text::bytea), 'hex'), 'sk-…', 'key-' || n, 10
      FROM generate_series(${from}::int, ${Math.min(from + batch, keys) - 1}::int) AS n`;
  }
  const gateway = await startGateway(closers, { workers, dbUrl });
  const mock = await startMock(closers);
  await gateway.addProvider('p', mock.url);
  const [control = 0] = gateway.pids();
  const [{ first } = { first: 1 }] = await sql<{ first: number }[]>`
    SELECT min(id)::int AS first FROM credentials`;
  const rows: Record<string, string | number>[] = [];
  const measure = async (what: string, count: number, change: (n: number) => Promise<void>) => {
    say(what);
    await change(0);
    const tookMs: number[] = [];
    const before = ranUs(control);
    for (let n = 1; n <= count; n++) {
      const startMs = performance.now();
      await change(n);
      tookMs.push(performance.now() - startMs);
    }
    rows.push({
      what,
      'active after ms (median)': quantile(tookMs, 0.5),
      slowest: Math.max(...tookMs),
      'CPU ms each': (ranUs(control) - before) / 1_000 / count,
    });
  };
  await measure('update by the admin API', changes, async (n) => {
    await gateway.admin('PUT', `/credentials/${first + n}`, { rate_limit: 100 + n });
  });
  const create = async (name: string) => {
    const made = await gateway.admin('POST', '/credentials', { name });
    const key = String((made.credential as unknown as { key: string }).key);
    const { status } = await sendChat({ url: gateway.url, key }, false);
    if (status !== 200) throw new Error(`a key that was answered is refused with ${status}`);
  };
  await measure('creation, then its use', changes, (n) => create(`new-${n}`));
  await measure('four creations at once', Math.ceil(changes / 4), async (n) => {
    await Promise.all([1, 2, 3, 4].map((each) => create(`many-${n}-${each}`)));
  });
  await measure('nothing, for a second', 5, () => new Promise((end) => setTimeout(end, 1_000)));
  printTable(rows);
});

/** CPU time of all threads of a process. */
function ranUs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => {
    const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
    return sum + Number.parseInt(text, 10) / 1_000;
  }, 0);
}
