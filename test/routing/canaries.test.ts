import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Canary, newCanary, percentOf } from '../../src/config/rows/canary.js';
import { modelEndpoints } from '../../src/dialects/endpoints.js';
import { placeOf } from '../../src/routing/place-of.js';
import { Balancers, nextCandidate } from '../../src/routing/plan.js';
import { planEffect } from '../../src/routing/plan-effect.js';
import { buildSnapshot } from '../../src/routing/snapshot.js';
import { strategies } from '../../src/routing/strategies/index.js';
import { configuration, provider } from '../config/configuration-for-test.js';

const chat = modelEndpoints.find(({ pattern }) => pattern === '/v1/chat/completions');
const states = { isAvailable: () => true, isOut: () => false, inFlight: () => 0, cost: () => 0 };

const canary = (fields: Partial<Canary> = {}): Canary => ({
  ...{ ...newCanary, name: 'c', from_provider: 'a', to_provider: 'b', steps: [10, 100] },
  ...fields,
});

const providers = [
  provider('a', { weight: 4, model_mapping: { m: 'm', n: 'n' } }),
  provider('b', { weight: 1, model_mapping: { m: 'm-at-b' }, provider_params: { priority: 1 } }),
  provider('c', { weight: 4, model_mapping: { m: 'm' } }),
];

/** Distribution of a thousand requests for a model over providers and models. */
function counts(canaries: Canary[], model = 'm', of = providers): Record<string, number> {
  const snapshot = buildSnapshot({ ...configuration(of), canaries }, '');
  assert.ok(chat);
  const routes = snapshot.routes(model, chat);
  const balancers = new Balancers(strategies.weighted_round_robin);
  const found: Record<string, number> = {};
  for (let i = 0; i < 1_000; i++) {
    const picked = nextCandidate(routes, balancers, [], states, 0);
    const name = `${picked?.provider.key} ${picked?.model}`;
    found[name] = (found[name] ?? 0) + 1;
  }
  return found;
}

test('its percent of one provider goes to another one, whatever its own weight and priority', () => {
  assert.deepEqual(counts([]), { 'a m': 500, 'c m': 500 });
  assert.deepEqual(counts([canary()]), { 'a m': 450, 'b m-at-b': 50, 'c m': 500 });
  assert.deepEqual(counts([canary({ step: 1 })]), { 'b m-at-b': 500, 'c m': 500 });
});

test('a small percent is exact too', () => {
  const found = counts([canary({ steps: [1] })], 'm', providers.slice(0, 2));
  assert.deepEqual(found, { 'a m': 990, 'b m-at-b': 10 });
});

test('a provider of the same priority keeps what it has', () => {
  const same = [
    provider('a', { weight: 1, model_mapping: { m: 'm' } }),
    provider('b', { weight: 1, model_mapping: { m: 'm-at-b' } }),
  ];
  assert.deepEqual(counts([canary()], 'm', same), { 'a m': 450, 'b m-at-b': 550 });
});

test('only running and finished ones move, and only their model', () => {
  for (const state of ['rolled_back', 'stopped'] as const) {
    assert.deepEqual(counts([canary({ state })]), { 'a m': 500, 'c m': 500 });
    assert.equal(percentOf(canary({ state })), 0);
  }
  assert.deepEqual(counts([canary({ state: 'finished', step: 1 })]), {
    'b m-at-b': 500,
    'c m': 500,
  });
  assert.deepEqual(counts([canary({ model: 'n' })]), { 'a m': 500, 'c m': 500 });
});

test('requests may move to another model, also of the same provider', () => {
  const to = canary({ to_provider: 'a', model: 'm', to_model: 'n' });
  assert.deepEqual(counts([to]), { 'a m': 450, 'a n': 50, 'c m': 500 });
  assert.deepEqual(counts([canary({ to_model: 'unknown' })]), { 'a m': 500, 'c m': 500 });
});

test('a provider that does not exist, or serves nothing of it, gets nothing', () => {
  assert.deepEqual(counts([canary({ to_provider: 'gone' })]), { 'a m': 500, 'c m': 500 });
  assert.deepEqual(counts([canary({ from_provider: 'gone' })]), { 'a m': 500, 'c m': 500 });
  assert.deepEqual(counts([canary({ from_provider: 'c' })], 'n'), { 'a n': 1_000 });
});

test('a plan shows what a canary moves', () => {
  const before = configuration(providers);
  const { models } = planEffect(before, { ...before, canaries: [canary()] });
  const m = models.find(({ model }) => model === 'm');
  assert.deepEqual(
    m?.after.map(({ provider, share }) => [provider, share]),
    [
      ['c', 0.5],
      ['a', 0.45],
      ['b', 0.05],
    ],
  );
});

/** The targets that sessions prefer, by session. */
function preferences(canaries: Canary[]): Map<number, string> {
  const snapshot = buildSnapshot({ ...configuration(providers), canaries }, '');
  assert.ok(chat);
  const routes = snapshot.routes('m', chat);
  const balancers = new Balancers(strategies.weighted_round_robin);
  const sessions = Array.from({ length: 4_000 }, (_, index) => placeOf(`session ${index}`));
  return new Map(
    sessions.map((session) => {
      const picked = nextCandidate(routes, balancers, [], states, 0, session);
      return [session, `${picked?.provider.key} ${picked?.model}`];
    }),
  );
}

for (const [what, to, target] of [
  ['another provider', {}, 'b m-at-b'],
  ['another model of the same provider', { to_provider: 'a', to_model: 'n' }, 'a n'],
] as const) {
  test(`sessions that prefer a provider move by percent to ${what}, and only as many`, () => {
    const before = preferences([]);
    const after = preferences([canary({ ...to, steps: [20, 100] })]);
    const moved = [...after].filter(([session, name]) => before.get(session) !== name);
    const ofA = [...before.values()].filter((name) => name === 'a m').length;
    assert.ok(Math.abs(moved.length / ofA - 0.2) < 0.04, `${moved.length} of ${ofA}`);
    for (const [session, name] of moved) {
      assert.deepEqual([before.get(session), name], ['a m', target]);
    }
    const all = preferences([canary({ ...to, steps: [20, 100], step: 1 })]);
    for (const [session, name] of before) {
      assert.equal(all.get(session), name === 'a m' ? target : name);
    }
  });
}
