import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { weightedRoundRobin } from '../../../src/routing/strategies/weighted-round-robin.js';
import { candidates } from './candidates-for-test.js';

const all = candidates();

function picks(weights: number[], count: number, view = all) {
  const balancer = weightedRoundRobin(weights);
  return Array.from({ length: count }, () => balancer.next(view));
}

function counts(chosen: number[], length: number): number[] {
  const result = Array<number>(length).fill(0);
  for (const index of chosen) result[index] = (result[index] ?? 0) + 1;
  return result;
}

test('{5,1,1} gives a a b a c a a', () => {
  assert.equal(
    picks([5, 1, 1], 7)
      .map((index) => 'abc'[index])
      .join(' '),
    'a a b a c a a',
  );
});

const someWeights = fc.array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 8 });
const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0);

test('over each cycle every candidate is picked exactly as often as its weight says', () => {
  fc.assert(
    fc.property(someWeights, (weights) => {
      const cycle = sum(weights);
      fc.pre(cycle > 0);
      const chosen = picks(weights, 3 * cycle);
      for (const start of [0, cycle, 2 * cycle]) {
        assert.deepEqual(counts(chosen.slice(start, start + cycle), weights.length), weights);
      }
    }),
  );
});

test('no candidate is ever behind its share by its own weight or by one request', () => {
  fc.assert(
    fc.property(someWeights, (weights) => {
      const cycle = sum(weights);
      fc.pre(cycle > 0);
      const had = Array<number>(weights.length).fill(0);
      for (const [index, pick] of picks(weights, cycle).entries()) {
        had[pick] = (had[pick] ?? 0) + 1;
        for (const [candidate, weight] of weights.entries()) {
          const share = ((index + 1) * weight) / cycle;
          assert.ok(share - (had[candidate] ?? 0) < weight || weight === 0);
        }
      }
    }),
  );
});

test('ineligible candidates are never picked, and the others keep their proportions', () => {
  const drawn = fc.array(fc.tuple(fc.nat({ max: 50 }), fc.boolean()), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(drawn, (some) => {
      const weights = some.map(([weight]) => weight);
      const eligible = (index: number) => some[index]?.[1] ?? false;
      const expected = weights.map((weight, index) => (eligible(index) ? weight : 0));
      const chosen = picks(weights, Math.max(1, sum(expected)), candidates(eligible));
      if (sum(expected) === 0) assert.deepEqual(chosen, [-1]);
      else assert.deepEqual(counts(chosen, weights.length), expected);
    }),
  );
});

test('proportions are exact again once an absent candidate is back', () => {
  const balancer = weightedRoundRobin([3, 2, 1]);
  for (let i = 0; i < 5; i++) balancer.next(candidates((index) => index !== 0));
  for (let i = 0; i < 100; i++) balancer.next(all);
  const chosen = Array.from({ length: 6 }, () => balancer.next(all));
  assert.deepEqual(counts(chosen, 3), [3, 2, 1]);
});

test('candidates of weight 0 are never picked', () => {
  assert.deepEqual(picks([0, 0], 3), [-1, -1, -1]);
  assert.deepEqual(picks([0, 2], 3), [1, 1, 1]);
});
