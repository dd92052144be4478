import type { TestContext } from 'node:test';
import { hashKey } from '../../src/config/secrets/credential-key.js';
import type { Sql } from '../../src/db/client.js';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { startMockProvider } from '../../src/mock-provider/server.js';
import type { UsageRow } from '../../src/observe/usage/usage-row.js';
import { askChat } from '../support/ask.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { logRow } from '../support/usage-row.js';

const models = ['gpt-4o', 'gpt-4o-mini', 'claude-sonnet-4-5', '通义千问-max'];
const names = [
  'alice',
  '客服机器人',
  'a-very-long-name-of-a-batch-job-that-somebody-gave-without-thinking-about-tables',
];

/** Content of a gateway for tests. */
export interface Content {
  keys: number;
  /** Requests of the last day. */
  requests: number;
  /** Further providers, teams, budgets, canaries and mirrors. */
  others?: number;
}

/** A gateway with providers, keys, teams and usage. */
export async function startFilled(t: TestContext, content: Content): Promise<Daemon> {
  const daemon = await startDaemon(t, {
    settings: {
      admin: {
        keys: [
          { name: 'board', role: 'viewer', key: 'the-key-of-the-board' },
          { name: 'ops', role: 'operator', key: 'the-key-of-operations' },
          { name: 'lead', role: 'team:support', key: 'the-key-of-the-lead' },
        ],
      },
    },
  });
  if (content.keys === 0) return daemon;
  const mock = await startMockProvider();
  t.after(() => mock.close());
  const mapping = Object.fromEntries(models.map((model) => [model, model]));
  await daemon.addProvider('openai-main', {
    api_base: mock.url,
    model_mapping: mapping,
    weight: 3,
  });
  await daemon.addProvider('azure-schweden-mit-langem-namen', {
    api_base: mock.url,
    model_mapping: { 'gpt-4o': 'gpt-4o-2024-11-20' },
  });
  await daemon.addProvider('away', {
    api_base: 'http://127.0.0.1:9/v1',
    model_mapping: { 'gpt-4o-mini': 'gpt-4o-mini' },
    provider_params: { priority: 1 },
  });
  const { sql } = daemon;
  await sql`INSERT INTO teams (name, limits, tags)
    VALUES ('support', '{"tokens_per_minute": 200000}', '["eu"]'), ('研发团队', '{}', '[]')`;
  const key = await daemon.addKey('alice');
  await sql`
    INSERT INTO credentials (credential_key, key_preview, name, rate_limit, is_enabled)
    SELECT encode(sha256(('k' || n)::bytea), 'hex'), 'sk-…' || right(n::text, 4),
      CASE n WHEN 1 THEN ${names[1] ?? ''} WHEN 2 THEN ${names[2] ?? ''} ELSE 'key-' || n END,
      CASE WHEN n % 3 = 0 THEN 20 END, n % 7 <> 0
    FROM generate_series(1, ${content.keys - 1}) n`;
  await fillUsage(sql, content.requests);
  if (content.others) await addOthers(sql, mock.url, content.others);
  await daemon.reload();
  for (let i = 0; i < 8; i++) await askChat(daemon.url, key, models[i % 3] ?? '');
  await askChat(daemon.url, key, 'no-such-model');
  return daemon;
}

/**
 * Canaries, mirrors and cached answers with results: 200 requests moved, 2 of which failed, and 40
 * pairs of answers.
 */
export async function addRollouts(daemon: Daemon): Promise<void> {
  const { sql } = daemon;
  await sql`INSERT INTO canaries (name, model, from_provider, to_provider, state, step, reason,
      changed_at, max_latency_ms) VALUES
    ('to-azure', 'gpt-4o', 'openai-main', 'azure-schweden-mit-langem-namen', 'stopped', 0,
      'weekend', now(), 3000),
    ('迁移到瑞典', NULL, 'openai-main', 'azure-schweden-mit-langem-namen', 'rolled_back', 0,
      '31 of 90 requests failed', now(), NULL)`;
  await sql`INSERT INTO canary_counts (canary, side, at, daemon, requests, errors, slow, latency) VALUES
    ('to-azure', 'from', now(), 'one', 1800, 9, 0, '{"120": 900, "140": 900}'),
    ('to-azure', 'to', now(), 'one', 200, 2, 0, '{"110": 150, "130": 50}')`;
  await sql`INSERT INTO mirrors (name, applies_to, provider, model, sample_percent, budget, is_enabled)
    VALUES ('cheaper', '{"team": "support", "model": "gpt-4o"}', NULL, 'gpt-4o-mini', 5, 20000000000,
      false), ('试用新模型', '{}', 'openai-main', '通义千问-max', 1, NULL, false)`;
  await sql`UPDATE teams SET cache = '{"mode": "on", "scope": "team", "ttl_ms": 600000}'
    WHERE name = 'support'`;
  const nowMs = Date.now();
  await createRequestLogPartitions(sql, [new Date(nowMs).toISOString().slice(0, 10)]);
  const pairs = Array.from({ length: 40 }, (_, i) =>
    logRow({
      ...{ started_ms: nowMs - 1_000 - i, mirror: 'cheaper', model: 'gpt-4o-mini' },
      ...{ status: i === 0 ? 503 : 200, upstream_ms: 400 + i, cost_nano: 90_000 },
      compared: {
        ...{ provider: 'openai-main', model_sent: 'gpt-4o', status: 200, failed: false },
        ...{ upstream_ms: 900 + i, first_token_ms: 200, completion_tokens: 100 },
        ...{ cost_nano: 1_400_000, score: 0.9 },
      },
    }),
  );
  const hits = Array.from({ length: 12 }, (_, i) =>
    logRow({
      ...{ started_ms: nowMs - 2_000 - i, cache: 'hit', cost_nano: 0, saved_nano: 1_250_000 },
      ...{ saved_tokens: 300, credential_name: '客服机器人', attempts: 0, provider: null },
    }),
  );
  await insertRequestLogs(sql, [...pairs, ...hits]);
  await daemon.reload();
}

async function addOthers(sql: Sql, url: string, count: number): Promise<void> {
  await sql`
    INSERT INTO providers (provider_key, provider_type, api_base, api_key, model_mapping)
    SELECT 'provider-' || n, 'openai', ${url}, 'sk-of-the-mock',
      jsonb_build_object('model-' || n, 'gpt-4o-mini')
    FROM generate_series(1, ${count}::int) n`;
  await sql`
    INSERT INTO teams (name, tags) SELECT '团队-' || n, '["eu"]' FROM generate_series(1, ${count}::int) n`;
  await sql`
    INSERT INTO budgets (name, amount, applies_to)
    SELECT 'budget of team ' || n, n::bigint * 1000000000, jsonb_build_object('team', '团队-' || n)
    FROM generate_series(1, ${count}::int) n`;
  await sql`
    INSERT INTO canaries (name, model, from_provider, to_provider, state)
    SELECT 'canary-' || n, 'model-' || n, 'provider-' || n, 'openai-main', 'stopped'
    FROM generate_series(1, ${count}::int) n`;
  await sql`
    INSERT INTO mirrors (name, applies_to, provider, model, sample_percent, is_enabled)
    SELECT 'mirror-' || n, jsonb_build_object('team', '团队-' || n), 'openai-main', 'gpt-4o', 1, false
    FROM generate_series(1, ${count}::int) n`;
}

async function fillUsage(sql: Sql, count: number): Promise<void> {
  const nowMs = Date.now();
  const days = [0, 1, 2].map((back) =>
    new Date(nowMs - back * 86_400_000).toISOString().slice(0, 10),
  );
  await createRequestLogPartitions(sql, days);
  const rows: UsageRow[] = [];
  for (let i = 0; i < count; i++) {
    const isFailed = i % 23 === 0;
    // Most of them lately, as by day and night.
    const backMs = ((i * 7919) % 1_000) ** 2 * 86.4 * (i % 4 === 0 ? 1 : 0.04);
    rows.push(
      logRow({
        started_ms: nowMs - backMs - 1_000,
        request_id: hashKey(String(i)).slice(0, 24),
        credential_name: names[i % 3] ?? '',
        team: i % 2 === 0 ? 'support' : '研发团队',
        model: models[i % 4] ?? '',
        provider: i % 5 === 0 ? 'azure-schweden-mit-langem-namen' : 'openai-main',
        status: isFailed ? (i % 2 === 0 ? 502 : 429) : 200,
        error: isFailed ? 'upstream_failed' : null,
        prompt_tokens: 200 + ((i * 37) % 4_000),
        completion_tokens: 20 + ((i * 17) % 900),
        cost_nano: 100_000 + ((i * 7_001) % 40_000_000),
        duration_ms: 300 + ((i * 211) % 9_000),
        first_token_ms: 80 + ((i * 31) % 900),
      }),
    );
  }
  for (let at = 0; at < rows.length; at += 1_000) {
    await insertRequestLogs(sql, rows.slice(at, at + 1_000));
  }
}
