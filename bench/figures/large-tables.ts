/** Measures how soon a change of a large configuration is active, and its effect on requests. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from '../../src/db/client.js';
import { openDatabase } from '../../src/db/database.js';
import { type BenchGateway, startGateway, startMock } from '../faults/gateway.js';
import { printTable, run, say } from '../faults/report.js';
import { startGenerator } from '../load/generator.js';
import { jobFor } from '../measure/measure-round.js';
import { chatOfBytes } from '../scenarios.js';

const defaults = { providers: 1000, keys: 100_000, swaps: 5, 'per-second': 500, workers: 1 };

await run(defaults, async (options, closers) => {
  const gateway = await startGateway(closers, { workers: options.workers });
  const mock = await startMock(closers);
  await gateway.addProvider('p', mock.url, { model_mapping: { m: 'm' } });
  const { dataDir } = gateway;
  const { sql, close } = await openDatabase({ dbUrl: null, dataDir, owner: 'command' });
  closers.push(close);
  say('filling the tables');
  await fill(sql, options.providers, options.keys);
  await swap(sql, gateway);
  const generator = startGenerator();
  closers.push(() => generator.close());
  const target = { port: gateway.port, headers: { authorization: `Bearer ${gateway.key}` } };
  const request = { path: '/v1/chat/completions', body: chatOfBytes('m', 220) };
  const pace = { kind: 'open', perSecond: options['per-second'] } as const;
  await generator.start(jobFor(target, request, pace));
  await sleep(2000);
  await generator.mark();
  say('without a swap');
  await sleep(5000);
  const quiet = await generator.mark();
  const activeMs: number[] = [];
  for (let i = 1; i <= options.swaps; i++) {
    say(`swap ${i}`);
    activeMs.push(await swap(sql, gateway));
    await sleep(1000);
  }
  const swapping = await generator.mark();
  await generator.stop();
  const rows = [
    { swaps: 0, ...quiet },
    { swaps: options.swaps, ...swapping },
  ];
  printTable(
    rows.map(({ swaps, requests, errors, whole }) => ({
      swaps,
      requests,
      errors,
      'p50 ms': whole.p50 ?? 0,
      'p99 ms': whole.p99 ?? 0,
      'p99.9 ms': whole.p999 ?? 0,
      'max ms': whole.max ?? 0,
      'active after ms': swaps === 0 ? '-' : activeMs.map(Math.round).join(' '),
    })),
  );
});

/** Fills the database directly: through the admin API it would take an hour. */
async function fill(sql: Sql, providers: number, keys: number): Promise<void> {
  await sql`
    INSERT INTO providers (provider_key, api_base, api_key, model_mapping)
    SELECT 'p' || n, 'http://127.0.0.1:9/v1', 'k', jsonb_build_object('model-' || n, 'model-' || n)
    FROM generate_series(1, ${providers}::int) n`;
  await sql`
    INSERT INTO credentials (credential_key, name, rate_limit, key_preview)
    SELECT encode(sha256(n::text::bytea), 'hex'), 'key ' || n, 100, 'sk-…' || n
    FROM generate_series(1, ${keys}::int) n`;
}

/** Changes a provider and a key; resolves with the milliseconds until every worker uses them. */
async function swap(sql: Sql, { url, adminKey }: BenchGateway): Promise<number> {
  const headers = { authorization: `Bearer ${adminKey}` };
  await sql.begin(async (both) => {
    await both`UPDATE credentials SET rate_limit = rate_limit + 1 WHERE name = 'key 1'`;
    await both`UPDATE providers SET weight = weight + 1 WHERE provider_key = 'p'`;
  });
  const startMs = performance.now();
  const [wanted] = await sql<[{ version: number }]>`SELECT version::int FROM config_version`;
  for (;;) {
    const answer = await fetch(`${url}/health`, { headers });
    const { config_version } = (await answer.json()) as { config_version: number };
    if (config_version >= wanted.version) return performance.now() - startMs;
    await sleep(5);
  }
}
