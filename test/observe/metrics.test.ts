import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { GatewayState, WorkerStatus } from '../../src/observe/gateway-state.js';
import { createMetrics, type Metrics } from '../../src/observe/metrics.js';
import type { RequestFinished } from '../../src/observe/request-event.js';
import { runProgram, skipWithout } from '../support/executable.js';
import { parseExposition, sampleValue } from './exposition.js';
import { finished as finishedChat } from './usage/finished.js';

test('the families of the specification have exactly its names, types and labels', async () => {
  const families = parseExposition(await busyMetrics().render());
  const labels = (name: string) => {
    const [sample] = families.get(name)?.samples ?? [];
    return Object.keys(sample?.labels ?? {}).filter((label) => label !== 'le');
  };
  const of = (name: string) => [families.get(name)?.type, labels(name)];
  const request = ['method', 'endpoint', 'model', 'provider'];
  assert.deepEqual(of('llm_proxy_requests_total'), ['counter', [...request, 'status_code']]);
  assert.deepEqual(of('llm_proxy_request_duration_seconds'), ['histogram', request]);
  assert.deepEqual(of('llm_proxy_active_requests'), ['gauge', ['endpoint']]);
  assert.deepEqual(of('llm_proxy_tokens_total'), ['counter', ['model', 'provider', 'token_type']]);
  assert.deepEqual(of('llm_proxy_provider_health'), ['gauge', ['provider']]);
  assert.deepEqual(of('llm_proxy_provider_latency_seconds'), ['histogram', ['provider']]);
});

test('percentiles of durations are accurate to a factor of two', async () => {
  const families = parseExposition(await busyMetrics().render());
  const bounds = (families.get('llm_proxy_request_duration_seconds')?.samples ?? [])
    .map(({ labels }) => Number(labels.le))
    .filter((bound) => bound >= 0.025 && bound <= 120);
  assert.ok(bounds.includes(0.025) && bounds.includes(120));
  for (const bound of bounds) {
    assert.ok(
      bound === 120 || bounds.some((next) => next > bound && next <= 2 * bound),
      `${bound}`,
    );
  }
});

test('every family is well formed, has a help text and is documented', async () => {
  const documentation = readFileSync(
    new URL('../../../docs/monitoring.md', import.meta.url),
    'utf8',
  );
  for (const [name, { type, help, samples }] of parseExposition(await busyMetrics().render())) {
    assert.match(name, /^llm_proxy_[a-z0-9_]+$/);
    assert.ok(help.length > 10, name);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    assert.ok(samples.length > 0, `${name} has no sample`);
    assert.ok(documentation.includes(`\`${name}`), `${name} is not in docs/monitoring.md`);
  }
});

test('promtool finds no problem in the metrics', {
  skip: skipWithout('promtool'),
}, async () => {
  const { code, output } = await runProgram(
    'promtool',
    ['check', 'metrics'],
    await busyMetrics().render(),
  );
  assert.equal(output, '');
  assert.equal(code, 0);
});

test('costs are counted in whole nano-dollars and shown in dollars', async () => {
  const metrics = configuredMetrics();
  for (let i = 0; i < 3; i++) metrics.emit(charged({ cost: 100_000_001 }));
  metrics.emit(charged(null));
  const text = await metrics.render();
  assert.match(text, /llm_proxy_cost_dollars_total\{model="gpt-4o",provider="a"\} 0\.300000003\n/);
  assert.match(text, /llm_proxy_unpriced_requests_total\{model="gpt-4o",provider="a"\} 1\n/);
});

test('ten thousand model names sent by clients create no series', async () => {
  const metrics = configuredMetrics();
  metrics.emit(finished({ model: 'gpt-4o' }));
  metrics.emit(finished({ model: 'anything' }));
  const before = parseExposition(await metrics.render());
  for (let i = 0; i < 10_000; i++) {
    metrics.emit(finished({ model: `invented-${i}`, method: `M${i}`, status: 600 + i }));
    metrics.emit(counted({ model: `invented-${i}` }));
  }
  const text = await fresh(metrics);
  assert.ok(!text.includes('invented'));
  assert.ok(seriesIn(text) < seriesOf(before) + 40, `${seriesIn(text)} series`);
  assert.equal(sampleValue(text, 'llm_proxy_requests_total', { method: 'unknown' }), 10_000);
});

test('a configured name becomes a label, also with the prefix', async () => {
  const metrics = createMetrics('1.0.0', 'Proxy');
  metrics.configured({ models: ['gpt-4o'], providers: ['a'] });
  metrics.emit(finished({ model: 'gpt-4o' }));
  metrics.emit(finished({ model: 'Proxy/gpt-4o' }));
  metrics.emit(finished({ model: 'Other/gpt-4o' }));
  metrics.emit(finished({ model: 'gpt-4o', provider: 'not-configured' }));
  const text = await metrics.render();
  const requests = (model: string, provider: string) =>
    sampleValue(text, 'llm_proxy_requests_total', { model, provider });
  assert.equal(requests('gpt-4o', 'a'), 2);
  assert.equal(requests('unknown', 'a'), 1);
  assert.equal(requests('gpt-4o', 'unknown'), 1);
});

test('requests of one model and provider are distinguished by method, endpoint and status', async () => {
  const metrics = createMetrics('1.0.0', '');
  const names = { models: ['m'], providers: ['a'] };
  const kinds = ['GET', 'POST'].flatMap((method) =>
    ['/v1/chat/completions', '/v1/responses'].flatMap((endpoint) =>
      [200, 500].map((status) => ({ method, endpoint, status })),
    ),
  );
  for (let round = 1; round <= 3; round++) {
    // Known series go on after a change of the configuration.
    metrics.configured(names);
    for (const [index, kind] of kinds.entries()) {
      for (let i = 0; i <= index; i++)
        metrics.emit(finished({ model: 'm', provider: 'a', ...kind }));
    }
  }
  const text = await metrics.render();
  for (const [index, { method, endpoint, status }] of kinds.entries()) {
    const labels = { model: 'm', provider: 'a', method, endpoint, status_code: String(status) };
    assert.equal(sampleValue(text, 'llm_proxy_requests_total', labels), 3 * (index + 1));
  }
});

test('a configuration of any size creates a bounded number of series', async () => {
  const metrics = createMetrics('1.0.0', '', () => nowMs);
  for (let round = 0; round < 40; round++) {
    const models = Array.from({ length: 100 }, (_, i) => `model-${round}-${i}`);
    const providers = Array.from({ length: 20 }, (_, i) => `provider-${round}-${i}`);
    metrics.configured({ models, providers });
    models.forEach((model, i) => {
      metrics.emit(finished({ model, provider: providers[i % 20] ?? null }));
    });
  }
  const text = await metrics.render();
  const families = parseExposition(text);
  assert.ok((families.get('llm_proxy_requests_total')?.samples.length ?? 0) <= 800);
  assert.ok(seriesIn(text) < 40_000, `${seriesIn(text)} series`);
  assert.ok(sampleValue(text, 'llm_proxy_label_overflows_total') > 0);
  const total = families.get('llm_proxy_requests_total')?.samples ?? [];
  assert.equal(
    total.reduce((sum, { value }) => sum + value, 0),
    4_000,
  );
});

test('configured pairs get series first, in their order, and the rest go by traffic', async () => {
  const limits = { providers: 3, pairs: 4 };
  const metrics = createMetrics('1.0.0', '', () => nowMs, limits);
  const shown = async () => {
    const families = parseExposition(await fresh(metrics));
    const samples = families.get('llm_proxy_requests_total')?.samples ?? [];
    return new Set(samples.map(({ labels }) => `${labels.model} ${labels.provider}`));
  };
  const ask = (model: string, provider: string, times = 1) => {
    for (let i = 0; i < times; i++) metrics.emit(finished({ model, provider }));
  };
  const names = { models: ['m', 'n', 'o', 'p', 'q'], providers: ['a', 'b', 'c', 'd'] };
  metrics.configured({
    ...names,
    pairs: [
      ['m', 'd'],
      ['m', 'a'],
      ['n', 'a'],
      ['m', 'b'],
    ],
  });

  // Three of four places are reserved, so the first use of another pair gets none.
  ask('o', 'c');
  ask('m', 'd');
  ask('p', 'c', 19);
  assert.deepEqual(await shown(), new Set(['unknown c', 'unknown unknown']));
  ask('p', 'c');
  ask('o', 'c', 30);
  for (const [model, provider] of [
    ['m', 'b'],
    ['n', 'a'],
    ['m', 'a'],
  ] as const) {
    ask(model, provider);
  }
  const all = ['unknown c', 'unknown unknown', 'p c', 'm a', 'm b', 'n a'];
  assert.deepEqual(await shown(), new Set(all));
  metrics.configured({ ...names, pairs: [['q', 'a']] });
  ask('q', 'a', 30);
  assert.deepEqual(await shown(), new Set([...all, 'unknown a']));
});

test('the first half of the places is allocated at once', async () => {
  const metrics = createMetrics('1.0.0', '', () => nowMs, { providers: 1, pairs: 4 });
  metrics.configured({ models: ['m', 'n', 'o'], providers: ['a'] });
  for (const model of ['m', 'n', 'o']) metrics.emit(finished({ model, provider: 'a' }));
  const text = await metrics.render();
  const requests = (model: string) =>
    sampleValue(text, 'llm_proxy_requests_total', { model, provider: 'a' });
  assert.deepEqual([requests('m'), requests('n'), requests('unknown')], [1, 1, 1]);
});

test('tokens are counted by kind, and estimated ones in a metric of their own too', async () => {
  const metrics = configuredMetrics();
  metrics.emit(counted({ source: 'provider' }));
  metrics.emit(counted({ source: 'estimated' }));
  const text = await metrics.render();
  const tokens = (name: string, token_type: string) => sampleValue(text, name, { token_type });
  assert.equal(tokens('llm_proxy_tokens_total', 'prompt'), 20);
  assert.equal(tokens('llm_proxy_tokens_total', 'completion'), 10);
  assert.equal(tokens('llm_proxy_tokens_total', 'total'), 30);
  assert.equal(tokens('llm_proxy_tokens_estimated_total', 'total'), 15);
});

test('time is measured separately for provider, gateway, first token and speed', async () => {
  const metrics = configuredMetrics();
  metrics.emit(
    finished({
      stream: true,
      totalMs: 2_010,
      upstreamMs: 2_000,
      firstTokenMs: 10,
      usage: { promptTokens: 5, completionTokens: 100 },
    }),
  );
  metrics.emit(finished({ attempts: 3, upstreamMs: 90_000, totalMs: 90_000 }));
  const text = await metrics.render();
  assert.equal(sampleValue(text, 'llm_proxy_provider_latency_seconds_sum'), 2);
  assert.equal(sampleValue(text, 'llm_proxy_overhead_seconds_sum'), 0.01);
  assert.equal(sampleValue(text, 'llm_proxy_time_to_first_token_seconds_sum'), 0.01);
  assert.equal(sampleValue(text, 'llm_proxy_tokens_per_second_sum'), 50);
  assert.equal(sampleValue(text, 'llm_proxy_upstream_attempts_total'), 4);
  assert.equal(sampleValue(text, 'llm_proxy_upstream_retries_total'), 2);
});

test('rejected requests are counted by reason, and rate-limited ones also separately', async () => {
  const metrics = configuredMetrics();
  const rejected = { provider: null, attempts: 0 };
  const limited = { ...rejected, status: 429, error: 'rate_limit_exceeded' };
  metrics.emit(finished({ ...limited, credential: { id: 1, name: 'alice' } }));
  // The limit of an address.
  metrics.emit(finished(limited));
  metrics.emit(finished({ ...rejected, status: 401, error: 'invalid_api_key' }));
  const text = await metrics.render();
  const reason = (reason: string) =>
    sampleValue(text, 'llm_proxy_rejected_requests_total', { reason });
  assert.equal(reason('rate_limit_exceeded'), 2);
  assert.equal(reason('invalid_api_key'), 1);
  assert.equal(sampleValue(text, 'llm_proxy_rate_limited_requests_total'), 1);
  assert.equal(sampleValue(text, 'llm_proxy_upstream_attempts_total'), 0);
});

test('a provider is healthy until it is ejected, and forgotten when it is removed', async () => {
  const metrics = configuredMetrics();
  metrics.watch(() => idleState);
  const health = async (provider: string) => {
    const family = parseExposition(await fresh(metrics)).get('llm_proxy_provider_health');
    return family?.samples.find(({ labels }) => labels.provider === provider)?.value;
  };
  assert.equal(await health('a'), 1);
  metrics.emit({ type: 'provider_ejected', provider: 'a', model: null, forMs: 30_000 });
  assert.equal(await health('a'), 0);
  metrics.configured({ models: [], providers: ['a', 'b'] });
  assert.equal(await health('a'), 0);
  assert.equal(await health('b'), 1);
  metrics.emit({ type: 'provider_recovered', provider: 'a', model: 'm', stillOut: true });
  assert.match(await metrics.render(), /provider_health\{provider="a"\} 0/);
  metrics.emit({ type: 'provider_recovered', provider: 'a', model: null, stillOut: false });
  assert.equal(await health('a'), 1);
  metrics.configured({ models: [], providers: ['b'] });
  assert.equal(await health('a'), undefined);
});

test('active requests are summed over live workers', async () => {
  const metrics = configuredMetrics();
  const status = (active: number): WorkerStatus => ({
    activeRequests: { '/v1/chat/completions': active },
    loopDelayP50Ms: 1,
    loopDelayP99Ms: 2,
    rssBytes: 50_000_000,
    providers: {},
    providerLimits: [],
    cache: noCache,
  });
  let workers: GatewayState['workers'] = [
    { name: 'worker-1', status: status(3) },
    { name: 'worker-2', status: status(4) },
    { name: 'worker-3', status: null },
  ];
  metrics.watch(() => ({ ...idleState, workers }));
  const text = await metrics.render();
  const delay = (process: string) =>
    sampleValue(text, 'llm_proxy_event_loop_delay_p99_seconds', { process });
  assert.equal(sampleValue(text, 'llm_proxy_active_requests'), 7);
  assert.equal(sampleValue(text, 'llm_proxy_workers'), 3);
  assert.equal(delay('worker-2'), 0.002);
  assert.ok(sampleValue(text, 'llm_proxy_resident_memory_bytes', { process: 'control' }) > 1e6);

  workers = [{ name: 'worker-2', status: status(4) }];
  const after = await fresh(metrics);
  assert.equal(sampleValue(after, 'llm_proxy_active_requests'), 4);
  assert.ok(!after.includes('worker-1'));
});

test('scrapes at the same time are rendered once', async () => {
  const metrics = configuredMetrics();
  let asked = 0;
  metrics.watch(() => {
    asked++;
    return idleState;
  });
  await metrics.render();
  const once = asked;
  const texts = await Promise.all(Array.from({ length: 20 }, () => metrics.render()));
  assert.equal(asked, once);
  assert.equal(new Set(texts).size, 1);
});

const noCache = { answers: 0, bytes: 0, evicted: 0, hits: 0, misses: 0, bypassed: 0, kept: 0 };

const idleState: GatewayState = {
  canaries: [],
  budgets: [],
  fleet: {
    ...{ live: 1, cutOff: 0, gone: 0, versions: 1, lag: 0, isShared: false, isStoreWorking: true },
    daemons: [],
  },
  workers: [],
  workersDesired: 1,
  sharedCache: null,
  configVersion: 3,
  lastReload: { successful: true, lastSuccessAt: 1_700_000_000_000 },
  usage: { queuedRows: 0, droppedRows: 0 },
  droppedLogLines: 0,
  exporters: [{ signal: 'traces', queued: 1, exported: 2, dropped: 3 }],
};

function configuredMetrics(): Metrics {
  const metrics = createMetrics('1.0.0', '', () => nowMs);
  metrics.configured({ models: ['gpt-4o'], providers: ['a'] });
  return metrics;
}

/** With a sample of every family. */
function busyMetrics(): Metrics {
  const metrics = configuredMetrics();
  const status = {
    loopDelayP50Ms: 1,
    loopDelayP99Ms: 2,
    rssBytes: 5e7,
    providers: {},
    providerLimits: [],
    cache: noCache,
  };
  const activeRequests = { '/v1/chat/completions': 1 };
  metrics.watch(() => ({
    ...idleState,
    canaries: [{ name: 'c', percent: 5 }],
    budgets: [{ name: 'chat', amount: 5e11, spent: 1e9, reserved: 2e8 }],
    fleet: { ...idleState.fleet, daemons: [{ id: 'vm-1', behind: 0, heartbeatAgeMs: 250 }] },
    workers: [{ name: 'worker-1', status: { ...status, activeRequests } }],
    sharedCache: { ...noCache, remote: { hits: 1, misses: 2, failures: 3 } },
  }));
  const usage = { promptTokens: 5, completionTokens: 100 };
  metrics.emit(finished({ stream: true, firstTokenMs: 5, usage, attempts: 2 }));
  metrics.emit(finished({ error: 'rate_limit_exceeded', status: 429 }));
  const guardrail = { guardrail: 'g', kind: 'pii', phase: 'request', verdict: 'passed' } as const;
  metrics.emit(finished({ guardrails: [{ ...guardrail, found: [], took_ms: 1 }] }));
  metrics.emit(finished({ cache: { result: 'hit', ageMs: 5, saved: 7_000, savedTokens: 9 } }));
  metrics.emit(counted({ source: 'estimated' }));
  metrics.emit(charged({ cost: 37_500 }));
  metrics.emit(charged(null));
  metrics.emit({ type: 'secret_unusable', provider: 'a', reason: 'is unknown here' });
  metrics.emit({
    ...{ type: 'mirrored', mirror: 'n', failed: false },
    upstreamMs: 9,
    usage,
    cost: 5,
  });
  metrics.emit({ type: 'mirror_skipped', mirror: 'n', reason: 'busy', count: 2 });
  metrics.emit({
    ...{ type: 'canary_moved', canary: 'c', state: 'running' },
    percent: 5,
    reason: null,
  });
  return metrics;
}

let nowMs = 0;

/** Renders the metrics once the previous rendering is out of date. */
async function fresh(metrics: Metrics): Promise<string> {
  nowMs += 60_000;
  return await metrics.render();
}

function finished(more: Partial<RequestFinished>): RequestFinished {
  return finishedChat({
    requestId: 'r1',
    credential: null,
    model: 'gpt-4o',
    modelSent: null,
    provider: 'a',
    totalMs: 10,
    upstreamMs: 9,
    firstTokenMs: null,
    ...more,
  });
}

function counted({ model = 'gpt-4o', source = 'provider' as 'provider' | 'estimated' }) {
  const usage = { promptTokens: 10, completionTokens: 5 };
  return { type: 'usage_counted', requestId: 'r1', model, provider: 'a', usage, source } as const;
}

function charged(of: { cost: number } | null) {
  const charge = of && ({ ...of, currency: 'USD', priceRevision: 'operator:1' } as const);
  const request = { requestId: 'r1', model: 'gpt-4o', provider: 'a' };
  return { type: 'request_charged', ...request, charge } as const;
}

function seriesIn(text: string): number {
  return seriesOf(parseExposition(text));
}

function seriesOf(families: ReturnType<typeof parseExposition>): number {
  return [...families.values()].reduce((sum, { samples }) => sum + samples.length, 0);
}
