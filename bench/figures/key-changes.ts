/**
 * Measures a gateway with many keys and providers: its start, changes of single rows (the time until every worker uses
 * one, and the CPU of all processes for it), and its memory. `at once` creates four keys together and uses each as
 * soon as it is answered.
 */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { quantile, sendChat } from '../../test/support/load.js';
import { temporaryDirectory } from '../directory.js';
import { type BenchGateway, proportionalMiB, startGateway, startMock } from '../faults/gateway.js';
import { startPostgres } from '../faults/postgres.js';
import { printTable, run, say } from '../faults/report.js';
import { ranUs } from '../measure/process-tree.js';

type Row = Record<string, string | number>;

const batch = 10_000;
/** Longer than the daemon takes to return what its start has used. */
const settleMs = 5_000;

await run(
  { keys: 100_000, providers: 1_000, changes: 30, workers: 2 },
  async (options, closers) => {
    const { keys, providers, changes, workers } = options;
    const { dbUrl, sql, cpuUs } = await startPostgres(closers);
    say(`${keys} keys, ${providers} providers`);
    // Their history would take longer than all that is measured.
    await sql`ALTER TABLE credentials DISABLE TRIGGER zz_llmproxy_inserted`;
    for (let from = 0; from < keys; from += batch) {
      await sql`
      INSERT INTO credentials (credential_key, key_preview, name, rate_limit)
      SELECT encode(sha256(n::text::bytea), 'hex'), 'sk-…', 'key-' || n, 10
      FROM generate_series(${from}::int, ${Math.min(from + batch, keys) - 1}::int) AS n`;
    }
    await sql`ALTER TABLE credentials ENABLE TRIGGER zz_llmproxy_inserted`;
    await sql`
    INSERT INTO providers (provider_key, api_base, api_key, model_mapping)
    SELECT 'provider-' || n, 'http://127.0.0.1:9/v1', 'k', jsonb_build_object('model-' || n, 'model-' || n)
    FROM generate_series(1, ${providers}::int) AS n`;
    const home = temporaryDirectory(closers);
    const starts: Row[] = [];
    const start = async (what: string): Promise<BenchGateway> => {
      say(what);
      const startMs = performance.now();
      const started = await startGateway(closers, { workers, dbUrl, home });
      starts.push({ what, seconds: (performance.now() - startMs) / 1_000 });
      return started;
    };
    await end(await start('first start'));
    const gateway = await start('start again');
    await pause(settleMs);
    const memory = [memoryOf('at rest', gateway)];
    const mock = await startMock(closers);
    // Without a mapping it would serve any model, as would all others of that kind.
    await gateway.addProvider('p', mock.url, { model_mapping: { m: 'm' } });
    const [control = 0, ...serving] = gateway.pids();
    const [{ first } = { first: 1 }] = await sql<{ first: number }[]>`
    SELECT min(id)::int AS first FROM credentials`;
    const rows: Row[] = [];
    const measure = async (what: string, count: number, change: (n: number) => Promise<void>) => {
      say(what);
      await change(0);
      const tookMs: number[] = [];
      const usedMs = () =>
        [ranUs(control), serving.reduce((sum, pid) => sum + ranUs(pid), 0), cpuUs()].map(
          (us) => us / 1_000,
        );
      const before = usedMs();
      for (let n = 1; n <= count; n++) {
        const startMs = performance.now();
        await change(n);
        tookMs.push(performance.now() - startMs);
      }
      const after = usedMs();
      const [ofControl = 0, ofWorkers = 0, ofPostgres = 0] = after.map(
        (ms, place) => (ms - (before[place] ?? 0)) / count,
      );
      rows.push({
        what,
        'active after ms (median)': quantile(tookMs, 0.5),
        slowest: Math.max(...tookMs),
        'CPU ms each: control': ofControl,
        workers: ofWorkers,
        Postgres: ofPostgres,
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
    const updates = async (section: string, made: object, change: (n: number) => object) => {
      const kind = section.slice(0, -1);
      const { [kind]: row } = await gateway.admin('POST', `/${section}`, { name: kind, ...made });
      await measure(`update of a ${kind}`, changes, async (n) => {
        await gateway.admin('PUT', `/${section}/${row?.id}`, change(n));
      });
    };
    const provider = { provider_key: 'q', api_base: mock.url, api_key: 'k', name: undefined };
    await updates('providers', { ...provider, model_mapping: { q: 'q' } }, (n) => ({ weight: n }));
    await updates('teams', {}, (n) => ({ weight: n + 1 }));
    await updates('budgets', { amount: 1 }, (n) => ({ amount: n + 2 }));
    const patterns = (n: number) => [{ name: 'word', pattern: `word${n}` }];
    const guardrail = { kind: 'regex', config: { patterns: patterns(0) } };
    await updates('guardrails', guardrail, (n) => ({ config: { patterns: patterns(n + 1) } }));
    await measure('nothing, for a second', 5, () => new Promise((end) => setTimeout(end, 1_000)));
    memory.push(memoryOf('after the changes', gateway));
    const { status } = await fetch(`${gateway.url}/admin/v1/config/reload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.adminKey}` },
    });
    if (status !== 200) throw new Error(`a reload answers ${status}`);
    memory.push(memoryOf('after a full read', gateway));
    printTable(starts);
    printTable(rows);
    printTable(memory);
  },
);

/** MiB of its processes, pages that they share counted in parts. */
function memoryOf(when: string, gateway: BenchGateway): Row {
  const [control = 0, ...workers] = gateway.pids();
  const [, peak = 0] =
    /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${control}/status`, 'utf8')) ?? [];
  return {
    when,
    'control process MiB': proportionalMiB(control),
    'its peak (RSS)': Number(peak) / 1024,
    'a worker MiB': Math.max(...workers.map(proportionalMiB)),
  };
}

async function end(gateway: BenchGateway): Promise<void> {
  const [control = 0] = gateway.pids();
  process.kill(control, 'SIGTERM');
  while (existsSync(`/proc/${control}`)) await pause(50);
}
