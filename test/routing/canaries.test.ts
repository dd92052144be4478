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

/** The targets that sessions prefer, by session. @param out a provider that is not available. */
function preferences(canaries: Canary[], of = providers, out = ''): Map<number, string> {
  const snapshot = buildSnapshot({ ...configuration(of), canaries }, '');
  assert.ok(chat);
  const routes = snapshot.routes('m', chat);
  const balancers = new Balancers(strategies.weighted_round_robin);
  const sessions = Array.from({ length: 4_000 }, (_, index) => placeOf(`session ${index}`));
  const here = { ...states, isAvailable: (key: string) => key !== out };
  return new Map(
    sessions.map((session) => {
      const picked = nextCandidate(routes, balancers, [], here, 0, session);
      return [session, `${picked?.provider.key} ${picked?.model}`];
    }),
  );
}

/** Part of the sessions of one target that now prefer each target. */
function moves(before: Map<number, string>, after: Map<number, string>, from: string) {
  const own = [...before].filter(([, name]) => name === from);
  const share = (to: string) =>
    own.filter(([session]) => after.get(session) === to).length / own.length;
  return (to: string, expected: number) =>
    assert.ok(Math.abs(share(to) - expected) < 0.04, `${share(to)} of ${from} to ${to}`);
}

test('sessions of a canary whose target is out stay where they were', () => {
  const before = preferences([]);
  assert.deepEqual(preferences([canary({ steps: [50, 100] })], providers, 'b'), before);
});

test('canaries of one provider, and of one that another one moves to, each move their part', () => {
  const same = ['a', 'b', 'c'].map((key) => provider(key, { model_mapping: { m: 'm' } }));
  const before = preferences([], same);
  const two = [
    canary({ name: 'first', to_provider: 'b', steps: [50, 100] }),
    canary({ name: 'second', to_provider: 'c', steps: [50, 100] }),
  ];
  const ofA = moves(before, preferences(two, same), 'a m');
  ofA('b m', 0.5);
  ofA('c m', 0.25);
  const chain = [
    canary({ name: 'first', from_provider: 'b', to_provider: 'c', steps: [50, 100] }),
    canary({ name: 'second', from_provider: 'a', to_provider: 'b', steps: [50, 100] }),
  ];
  const chained = preferences(chain, same);
  moves(before, chained, 'a m')('b m', 0.5);
  moves(before, chained, 'b m')('c m', 0.5);
});

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
