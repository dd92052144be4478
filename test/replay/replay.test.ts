import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Configuration } from '../../src/config/configuration.js';
import type { Budget } from '../../src/config/rows/budget.js';
import { resolveSettings } from '../../src/config/settings/settings.js';
import {
  kindColumns,
  type ReplayedRow,
  type RequestKind,
  type UsageRow,
} from '../../src/observe/usage/usage-row.js';
import { PriceSheets } from '../../src/pricing/price-sheets.js';
import { Replay, type ReplayReport } from '../../src/replay/replay.js';
import { buildSnapshot } from '../../src/routing/snapshot.js';
import { configuration, credential, provider, team } from '../config/configuration-for-test.js';
import { priceForTest } from '../pricing/price-for-test.js';
import { logRow } from '../support/usage-row.js';

const nano = 1_000_000_000;
const startMs = Date.parse('2026-03-10T12:00:00Z');

const kinds = new Map<string, RequestKind>();

/** A row of key 1 for the model `m`, `ms` after the start. */
function row(ms: number, fields: Partial<UsageRow> = {}): ReplayedRow {
  const stored = logRow({
    ...{ started_ms: startMs + ms, credential_id: 1, model: 'm', model_sent: 'm', provider: 'a' },
    cost_nano: null,
    ...fields,
  });
  const own = Object.fromEntries(kindColumns.map((name) => [name, stored[name]])) as RequestKind;
  const name = JSON.stringify(own);
  const kind = kinds.get(name) ?? own;
  kinds.set(name, kind);
  return { ...stored, kind };
}

/** Rows at equal distances. */
function rows(
  count: number,
  everyMs: number,
  of: (index: number) => Partial<UsageRow> = () => ({}),
) {
  return Array.from({ length: count }, (_, index) => row(index * everyMs, of(index)));
}

function snapshotOf(rows: Configuration) {
  const providers = new PriceSheets().attach(rows.providers, rows.prices ?? []);
  return buildSnapshot({ ...rows, providers }, '');
}

function replay(
  candidate: Configuration,
  all: readonly ReplayedRow[],
  {
    live = candidate,
    spent = 0,
    settings = {},
  }: { live?: Configuration; spent?: number; settings?: object } = {},
): ReplayReport {
  const resolved = resolveSettings({}, '/').settings;
  const run = new Replay({
    live: snapshotOf(live),
    candidate: snapshotOf(candidate),
    settings: { ...resolved, routing: { ...resolved.routing, ...settings } },
    spentBefore: () => spent,
  });
  for (const each of all) run.add(each);
  return run.report();
}

const two = (a: number, b: number) =>
  configuration([provider('a', { weight: a }), provider('b', { weight: b })], [credential('k')]);

test('the live configuration predicts its own distribution, and moves nothing', () => {
  const all = rows(10_000, 10, (index) => ({ provider: index % 4 === 1 ? 'b' : 'a' }));
  const { providers, moved, requests, refused_after } = replay(two(3, 1), all);
  assert.deepEqual(providers, [
    { provider: 'a', before: 7_500, after: 7_500 },
    { provider: 'b', before: 2_500, after: 2_500 },
  ]);
  assert.deepEqual([moved, requests, refused_after], [0, 10_000, 0]);
});

test('a distribution within the error of a sample moves nothing, another one does', () => {
  const split = (b: number) => rows(1_000, 10, (at) => ({ provider: at < b ? 'b' : 'a' }));
  assert.equal(replay(two(1, 1), split(540)).moved, 0);
  assert.equal(replay(two(1, 1), split(560)).moved, 60);
});

test('changed weights move as few requests as possible', () => {
  const all = rows(100, 10, (index) => ({ provider: index % 2 === 0 ? 'a' : 'b' }));
  const { moved, providers } = replay(two(3, 1), all, { live: two(1, 1) });
  assert.equal(moved, 25);
  assert.deepEqual(
    providers.map(({ after }) => after),
    [75, 25],
  );
});

test('another name of the model at the same provider is elsewhere', () => {
  const renamed = configuration([provider('a', { model_mapping: { m: 'n' } })], [credential('k')]);
  assert.equal(replay(renamed, rows(10, 10)).moved, 10);
});

test('unknown and forbidden models, missing keys and stops are refused, by team and model', () => {
  const only = provider('a', { model_mapping: { m: 'm', x: 'x' } });
  const key = credential('k', { allowed_models: ['m', 'gone', 'x'], team: 't' });
  const stops = [{ name: 's', applies_to: { model: 'x' }, reason: null }];
  const rows = { ...configuration([only], [key], 1, [team('t')]), stops };
  const { refusals, groups } = replay(rows, [
    row(0, { team: 't' }),
    row(1, { team: 't', model: 'gone' }),
    row(2, { team: 't', model: 'other' }),
    row(3, { team: 't', model: 'x' }),
    row(4, { credential_id: 7 }),
  ]);
  assert.deepEqual(refusals.map(({ code, before, after }) => [code, before, after]).sort(), [
    ['invalid_api_key', 0, 1],
    ['model_not_allowed', 0, 1],
    ['model_not_found', 0, 1],
    ['stopped', 0, 1],
  ]);
  const gone = groups.find(({ model }) => model === 'gone');
  assert.deepEqual([gone?.team, gone?.requests, gone?.refused_after], ['t', 1, 1]);
});

test('a key is expired only for requests after that', () => {
  const expires_at = new Date(startMs + 500).toISOString();
  const rows_ = configuration([provider('a')], [credential('k', { expires_at })]);
  assert.equal(replay(rows_, rows(10, 100)).refused_after, 5);
});

test('rate_limit and limits refuse exactly the requests that find an empty bucket', () => {
  const limited = (fields: object) => configuration([provider('a')], [credential('k', fields)]);
  // 20 a second for 10 s: a burst of 5, then 5 a second.
  const all = rows(200, 50);
  assert.equal(replay(limited({ rate_limit: 5 }), all).refused_after, 200 - 5 - 49);
  assert.equal(replay(limited({ rate_limit: 0 }), all).refused_after, 200);
  const perMinute = replay(limited({ limits: { requests_per_minute: 60 } }), all);
  assert.equal(perMinute.refused_after, 200 - 60 - 9);
  assert.deepEqual(perMinute.refusals[0]?.by, [
    { name: 'requests_per_minute of this key', requests: 131 },
  ]);
});

test('token limits reserve the requested tokens, and return unused ones', () => {
  const key = credential('k', { limits: { tokens_per_minute: 1_000 } });
  const rows_ = configuration([provider('a')], [key]);
  // Each reserves 600 and uses 15: the second fits once the first has ended.
  const asking = { need_input: 100, need_output: 500, duration_ms: 100 };
  assert.equal(replay(rows_, [row(0, asking), row(50, asking)]).refused_after, 1);
  assert.equal(replay(rows_, [row(0, asking), row(150, asking)]).refused_after, 0);
  const { unknown } = replay(rows_, rows(3, 10));
  assert.match(unknown.join('\n'), /What 3 requests had asked of their limits/);
});

test('max_concurrency counts requests until they end', () => {
  const rows_ = configuration(
    [provider('a')],
    [credential('k', { limits: { max_concurrency: 2 } })],
  );
  const all = rows(10, 10, () => ({ duration_ms: 35 }));
  // At 0 and 10; at 40 and 50; at 80 and 90.
  assert.equal(replay(rows_, all).refused_after, 4);
});

const priced = (rates: object) => [priceForTest({ name: 'm', model: 'm', rates })];

test('costs are those of the new prices; without tokens nothing is known', () => {
  const rows_ = {
    ...configuration([provider('a')], [credential('k')]),
    prices: priced({ input: nano, output: nano }),
  };
  const report = replay(rows_, [
    row(0, { prompt_tokens: 1_000, completion_tokens: 500, cost_nano: 1_000_000 }),
    row(1, { prompt_tokens: null, completion_tokens: null, cost_nano: null }),
  ]);
  assert.deepEqual([report.cost_before_nano, report.cost_after_nano], [1_000_000, 1_500_000]);
  assert.equal(report.groups[0]?.unpriced, 1);
});

test('moved requests cost what they would at their new target', () => {
  const prices = [
    priceForTest({ name: 'one', model: 'm', provider_key: 'a', rates: { request: 10 } }),
    priceForTest({ name: 'two', model: 'm', provider_key: 'b', rates: { request: 30 } }),
  ];
  const all = rows(100, 10, (index) => ({
    provider: index % 2 ? 'b' : 'a',
    cost_nano: index % 2 ? 30 : 10,
  }));
  const same = replay({ ...two(1, 1), prices }, all);
  assert.deepEqual([same.cost_before_nano, same.cost_after_nano], [2_000, 2_000]);
  const other = replay({ ...two(3, 1), prices }, all, { live: { ...two(1, 1), prices } });
  assert.equal(other.cost_after_nano, 75 * 10 + 25 * 30);
});

test('a hard budget refuses requests that no longer fit, counting earlier spend of its window', () => {
  const budget = (fields: Partial<Budget> = {}): Budget => ({
    ...{ id: 1, name: 'b', amount: 100, window: 'day', mode: 'hard', applies_to: {}, alerts: [] },
    ...{ webhook: null, ceiling: null, is_enabled: true },
    ...fields,
  });
  const prices = priced({ request: 10 });
  const with_ = (...budgets: Budget[]) => ({
    ...configuration([provider('a')], [credential('k')]),
    ...{ prices, budgets },
  });
  const all = rows(20, 1_000);
  assert.equal(replay(with_(budget()), all).refused_after, 10);
  assert.equal(replay(with_(budget()), all, { spent: 35 }).refused_after, 14);
  assert.equal(replay(with_(budget({ mode: 'soft' })), all).refused_after, 0);
  assert.equal(replay(with_(budget({ applies_to: { key: 'other' } })), all).refused_after, 0);
  const asked = all.map((each) => ({ ...each, need_nano: 40, cost_nano: 10 }));
  assert.equal(replay(with_(budget()), asked).refused_after, 13, 'the most that they can cost');
  const dearer = { ...with_(budget()), prices: priced({ request: 20 }) };
  assert.equal(
    replay(dearer, asked).refused_after,
    18,
    'which is twice as much at twice the price',
  );
  const { refusals } = replay(with_(budget()), all);
  assert.deepEqual(refusals[0]?.by, [{ name: 'budget "b"', requests: 10 }]);
  const later = all.map((each) => ({ ...each, started_ms: each.started_ms + 86_400_000 }));
  assert.equal(replay(with_(budget()), [...all, ...later]).refused_after, 20);
});

test('a spent budget of one provider sends requests to another', () => {
  const budgets: Budget[] = [
    {
      ...{ id: 1, name: 'b', amount: 20, window: 'day', mode: 'hard', alerts: [] },
      ...{ applies_to: { provider: 'a' }, webhook: null, ceiling: null, is_enabled: true },
    },
  ];
  const rows_ = { ...two(1, 0), prices: priced({ request: 10 }), budgets };
  const { providers, refused_after } = replay(rows_, rows(5, 1_000));
  assert.deepEqual(providers, [
    { provider: 'a', before: 5, after: 2 },
    { provider: 'b', before: 0, after: 3 },
  ]);
  assert.equal(refused_after, 0);
  const ofB = budgets.map((budget) => ({ ...budget, id: 2, applies_to: { provider: 'b' } }));
  const both = replay({ ...rows_, budgets: [...budgets, ...ofB] }, rows(5, 1_000));
  assert.equal(both.refused_after, 1, 'each pays for its own provider only');
});

test('a budget of a tag counts requests of the keys that have it', () => {
  const budgets: Budget[] = [
    {
      ...{ id: 1, name: 'b', amount: 20, window: 'day', mode: 'hard', alerts: [] },
      ...{ applies_to: { tag: 'own' }, webhook: null, ceiling: null, is_enabled: true },
    },
  ];
  const rows_ = configuration([provider('a')], [credential('k', { tags: ['own'] })]);
  const planned = { ...rows_, prices: priced({ request: 10 }), budgets };
  const all = rows(5, 1_000, () => ({ tags: ['asked'] }));
  assert.equal(replay(planned, all).refused_after, 3);
});

test('a rotated key is the current one, not that before', () => {
  const previous = {
    previous_key: 'f'.repeat(64),
    previous_expires_at: new Date(startMs - 1).toISOString(),
  };
  const stored = configuration([provider('a')], [credential('k', previous)]);
  assert.equal(replay(stored, rows(2, 10)).refused_after, 0);
  const ofFile = configuration([provider('a')], [credential('k', { ...previous, id: null })]);
  const asked = () => ({ credential_id: null, credential_name: 'k' });
  assert.equal(replay(ofFile, rows(2, 10, asked)).refused_after, 0);
});

test('requests refused before are counted, and those that would be admitted have no known cost', () => {
  const refused = { provider: null, attempts: 0, status: 429, error: 'rate_limit_exceeded' };
  const { refused_before, refused_after, providers, unknown } = replay(two(1, 0), [
    row(0, { ...refused, prompt_tokens: null, completion_tokens: null }),
  ]);
  assert.deepEqual([refused_before, refused_after], [1, 0]);
  assert.deepEqual(providers, [{ provider: 'a', before: 0, after: 1 }]);
  assert.match(unknown.join('\n'), /The cost and duration of 1 request that would be admitted/);
});

test('a replay lists its unknowns', () => {
  const { requests, unknown } = replay(
    two(0, 1),
    [
      row(0, { attempts: 2 }),
      row(1, { endpoint: '/v1/files' }),
      row(2, { provider: null, attempts: 0, status: 503, error: 'overloaded' }),
      row(3, { provider: null, attempts: 0, cost_nano: null }),
    ],
    { settings: { strategy: 'latency' } },
  );
  assert.equal(requests, 1);
  const text = unknown.join('\n');
  for (const sentence of [
    /How fast and how reliable b would be: .*the mean latency of all providers stands in/,
    /though 1 request needed more than one attempt/,
    /1 request for files, batches/,
    /1 request that the cache answered/,
    /The fate of 1 request/,
    /content policies, guardrails/,
  ]) {
    assert.match(text, sentence);
  }
  const plain = replay(two(1, 0), rows(2, 10)).unknown.join('\n');
  assert.doesNotMatch(plain, /needed more than one attempt/);
});

test('the strategy latency prefers the provider that was faster', () => {
  const all = rows(2_000, 100, (index) => ({
    ...{ provider: index % 2 ? 'b' : 'a', upstream_ms: index % 2 ? 50 : 500, duration_ms: 20 },
  }));
  const { providers } = replay(two(1, 1), all, { settings: { strategy: 'latency' } });
  const b = providers.find((each) => each.provider === 'b');
  assert.ok((b?.after ?? 0) > 1_900, `${b?.after}`);
});

test('teams and models are bounded', () => {
  const any = configuration([provider('a')], [credential('k')]);
  const all = rows(1_500, 1, (index) => ({ model: `m${index}` }));
  const { groups, requests, unknown } = replay(any, all);
  assert.equal(groups.length, 1_001);
  assert.equal(groups[0]?.requests, 500);
  assert.equal(requests, 1_500);
  assert.match(unknown.join('\n'), /The teams and models of 500 requests/);
});
