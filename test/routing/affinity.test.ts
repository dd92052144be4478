import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preferred } from '../../src/routing/affinity.js';
import { placeOf } from '../../src/routing/place-of.js';
import { Balancers, nextCandidate } from '../../src/routing/plan.js';
import { buildSnapshot, type Route } from '../../src/routing/snapshot.js';
import { strategies } from '../../src/routing/strategies/index.js';
import { configuration, provider } from '../config/configuration-for-test.js';

const sessions = Array.from({ length: 4_000 }, (_, index) => placeOf(`session ${index}`));
const all = () => true;

function routeOf(weights: Record<string, number>, priorities: Record<string, number> = {}): Route {
  const providers = Object.entries(weights).map(([key, weight]) =>
    provider(key, { weight, provider_params: { priority: priorities[key] ?? 0 } }),
  );
  const route = buildSnapshot(configuration(providers), 'hash').route('m');
  assert.ok(route);
  return route;
}

/** Sessions by the provider that they prefer. */
function counts(route: Route, canBePicked: (index: number) => boolean = all) {
  const found: Record<string, number> = {};
  for (const session of sessions) {
    const key = route.candidates[preferred(session, route.candidates, canBePicked)]?.provider.key;
    found[key ?? 'none'] = (found[key ?? 'none'] ?? 0) + 1;
  }
  return found;
}

test('sessions are spread by weight, and always alike', () => {
  const route = routeOf({ a: 3, b: 1, c: 0 });
  const { a = 0, b = 0, ...others } = counts(route);
  assert.deepEqual(others, {});
  assert.ok(Math.abs(a / sessions.length - 0.75) < 0.03, `${a} of ${sessions.length}`);
  assert.equal(a + b, sessions.length);
  assert.deepEqual(counts(routeOf({ a: 3, b: 1, c: 0 })), { a, b });
});

test('when a provider goes, only its own sessions move', () => {
  const route = routeOf({ a: 1, b: 1, c: 1 });
  const without = (index: number) => route.candidates[index]?.provider.key !== 'b';
  for (const session of sessions) {
    const before = preferred(session, route.candidates, all);
    const after = preferred(session, route.candidates, without);
    if (route.candidates[before]?.provider.key === 'b') assert.notEqual(after, before);
    else assert.equal(after, before);
  }
  const smaller = routeOf({ a: 1, c: 1 });
  assert.deepEqual(counts(route, without), counts(smaller));
});

test('no provider is preferred if none can be picked, or none has a weight', () => {
  const route = routeOf({ a: 0, b: 1 });
  assert.equal(
    preferred(1, route.candidates, () => false),
    -1,
  );
  assert.equal(preferred(1, routeOf({ a: 0 }).candidates, all), -1);
});

test('health and priority come before a warm cache', () => {
  const route = routeOf({ a: 1, b: 1, spare: 1 }, { spare: 1 });
  const balancers = new Balancers(strategies.weighted_round_robin);
  const out = new Set<string>();
  const states = {
    isAvailable: (key: string) => !out.has(key),
    isOut: (key: string) => out.has(key),
    inFlight: () => 0,
    cost: () => 0,
  };
  const next = (session: number | null, tried: Route['candidates'] = []) =>
    nextCandidate([route], balancers, tried, states, 0, session);
  const [session = 0] = sessions;
  const first = next(session);
  assert.ok(first);
  for (let i = 0; i < 5; i++) assert.equal(next(session), first);
  const second = next(session, [first]);
  assert.deepEqual([first.provider.key, second?.provider.key].sort(), ['a', 'b']);
  out.add(first.provider.key);
  assert.equal(next(session), second);
  out.add(second?.provider.key ?? '');
  assert.equal(next(session)?.provider.key, 'spare');
  out.clear();
  const without = new Set(Array.from({ length: 4 }, () => next(null)?.provider.key));
  assert.deepEqual([...without].sort(), ['a', 'b'], 'without a session they take turns');
});

test('places are spread over all numbers of 32 bits', () => {
  const buckets = new Set(sessions.map((place) => place >>> 24));
  assert.equal(buckets.size, 256);
  assert.ok(sessions.every((place) => Number.isInteger(place) && place >= 0 && place < 2 ** 32));
  assert.equal(new Set(sessions).size, sessions.length);
});
