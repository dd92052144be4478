/** Measures how long `config plan --replay` takes over many requests, and whether it stalls others. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from '../../src/db/client.js';
import { openDatabase } from '../../src/db/database.js';
import { executable, startGateway } from '../faults/gateway.js';
import { printTable, run, say } from '../faults/report.js';

await run({ rows: 1_000_000, keys: 100, rounds: 3 }, async (options, closers) => {
  const gateway = await startGateway(closers, { workers: 1 });
  for (const name of ['a', 'b', 'c']) {
    await gateway.addProvider(name, 'http://127.0.0.1:9/v1', { model_mapping: { 'gpt-*': '*' } });
  }
  const { dataDir } = gateway;
  const { sql, asOwner, close } = await openDatabase({ dbUrl: null, dataDir, owner: 'command' });
  closers.push(close);
  say('filling the tables');
  await asOwner(addPartitions);
  await fill(sql, options.rows, options.keys);
  const file = join(dataDir, 'next.yaml');
  writeFileSync(
    file,
    'providers: {a: {weight: 3}}\nprices: {m: {model: "*", rates: {input: 1000000000, output: 4000000000}}}\n',
  );
  const rows = [];
  for (let round = 1; round <= options.rounds; round++) {
    say(`round ${round}`);
    const slowest = watch(gateway.url);
    const startMs = performance.now();
    const requests = await replayed(file, gateway.env);
    const seconds = (performance.now() - startMs) / 1_000;
    rows.push({ round, requests, seconds, 'slowest /metrics ms': await slowest() });
  }
  printTable(rows);
});

/** Fills the database directly, over the last six days. */
async function fill(sql: Sql, rows: number, keys: number): Promise<void> {
  await sql`
    INSERT INTO credentials (credential_key, name, limits, key_preview)
    SELECT encode(sha256(n::text::bytea), 'hex'), 'key ' || n,
      '{"requests_per_minute": 1000, "tokens_per_day": 100000000}', 'sk-…' || n
    FROM generate_series(1, ${keys}::int) n`;
  await sql`
    INSERT INTO request_logs (started_at, uid, request_id, credential_id, credential_name, endpoint,
      model, model_sent, provider, attempts, status, prompt_tokens, completion_tokens, usage_source,
      cost_nano, stream, complete, duration_ms, upstream_ms, first_token_ms)
    SELECT now() - interval '6 days' * (1 - n::float8 / ${rows}::int), gen_random_uuid(), 'r' || n,
      c.id, c.name, '/v1/chat/completions', 'gpt-' || n % 20, (n % 20)::text,
      (ARRAY['a', 'b', 'c'])[1 + n % 3], 1, 200, 200 + n % 800, 50 + n % 300, 'provider',
      1000000, false, true, 900, 880, 300
    FROM generate_series(1, ${rows}::int) n
    JOIN credentials c ON c.name = 'key ' || (1 + n % ${keys}::int)`;
  await sql`ANALYZE request_logs`;
}

async function addPartitions(sql: Sql): Promise<void> {
  for (let day = 0; day < 7; day++) {
    await sql`SELECT llmproxy_create_request_logs_partition((now() - ${day} * interval '1 day')::date)`;
  }
}

/** Runs the command; resolves with the number of requests that it replayed. */
async function replayed(file: string, env: Readonly<Record<string, string>>): Promise<number> {
  const args = [executable, 'config', 'plan', file, '--replay', '7d', '--json'];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const piece of child.stdout) text += piece;
  return JSON.parse(text).replay.requests;
}

/** Asks the control process repeatedly; the returned function gives the slowest answer. */
function watch(url: string): () => Promise<number> {
  let isOver = false;
  let slowestMs = 0;
  const asking = (async () => {
    while (!isOver) {
      const startMs = performance.now();
      await (
        await fetch(`${url}/metrics`, {
          headers: { authorization: 'Bearer admin-key-of-the-bench' },
        })
      ).text();
      slowestMs = Math.max(slowestMs, performance.now() - startMs);
      await sleep(20);
    }
  })();
  return async () => {
    isOver = true;
    await asking;
    return slowestMs;
  };
}
