import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Balancers, nextCandidate, type ProviderStates } from '../../src/routing/plan.js';
import { buildSnapshot, type Candidate, type Route } from '../../src/routing/snapshot.js';
import { strategies } from '../../src/routing/strategies/index.js';
import { configuration, provider } from '../config/configuration-for-test.js';

function routeOf(weights: Record<string, number>, priorities: Record<string, number> = {}): Route {
  const providers = Object.entries(weights).map(([key, weight]) =>
    provider(key, { weight, provider_params: { priority: priorities[key] ?? 0 } }),
  );
  const route = buildSnapshot(configuration(providers), 'hash').route('m');
  assert.ok(route);
  return route;
}

/** Providers without load, some of them not available. */
function states(unavailable = ''): ProviderStates {
  return {
    isAvailable: (key) => !unavailable.includes(key),
    isOut: (key) => unavailable.includes(key),
    inFlight: () => 0,
    cost: () => 0,
  };
}

/** The providers in the order in which one request would try them. */
function order(route: Route, balancers: Balancers, unavailable = ''): string {
  const tried: Candidate[] = [];
  for (;;) {
    const candidate = nextCandidate([route], balancers, tried, states(unavailable), 0);
    if (!candidate) return tried.map(({ provider: { key } }) => key).join('');
    tried.push(candidate);
  }
}

for (const strategy of ['weighted_round_robin', 'weighted_random'] as const) {
  test(`${strategy}: each candidate is tried once, those of weight 0 last and in their order`, () => {
    const balancers = new Balancers(strategies[strategy]);
    const route = routeOf({ y: 0, a: 5, b: 1, z: 0 });
    for (let i = 0; i < 50; i++) assert.match(order(route, balancers), /^(ab|ba)yz$/);
  });

  test(`${strategy}: a single candidate is used whatever its weight, once`, () => {
    const balancers = new Balancers(strategies[strategy]);
    assert.equal(order(routeOf({ a: 0 }), balancers), 'a');
    assert.equal(order(routeOf({ a: 7 }), balancers), 'a');
    assert.equal(order(routeOf({ a: 0, b: 0 }), balancers), 'ab');
  });
}

test('unavailable providers are tried after all available ones, rather than not at all', () => {
  const balancers = new Balancers(strategies.weighted_round_robin);
  const route = routeOf({ a: 5, b: 1, z: 0 });
  for (let i = 0; i < 10; i++) {
    assert.equal(order(route, balancers, 'a'), 'bza');
    assert.match(order(route, balancers, 'abz'), /^(ab|ba)z$/);
  }
});

test('a lower priority is used only after all providers of the higher one', () => {
  const balancers = new Balancers(strategies.weighted_round_robin);
  const route = routeOf({ a: 100, b: 1, c: 1, z: 0 }, { a: 1, b: 0, c: 0, z: 0 });
  for (let i = 0; i < 10; i++) assert.match(order(route, balancers), /^(bc|cb)za$/);
});

test('a reload does not restart the proportions', () => {
  const balancers = new Balancers(strategies.weighted_round_robin);
  const first = () => {
    const route = routeOf({ a: 5, b: 1, c: 1 });
    return nextCandidate([route], balancers, [], states(), 0)?.provider.key;
  };
  assert.equal(Array.from({ length: 7 }, first).join(' '), 'a a b a c a a');
});

test('balancers of groups long gone are forgotten', () => {
  const balancers = new Balancers(strategies.weighted_round_robin);
  const route = routeOf({ a: 1, b: 1 });
  const first = balancers.of({ ...route, group: 'first' });
  assert.equal(balancers.of({ ...route, group: 'first' }), first);
  for (let i = 0; i < 10_000; i++) balancers.of({ ...route, group: `${i}` });
  assert.notEqual(balancers.of({ ...route, group: 'first' }), first);
});
