import assert from 'node:assert/strict';
import { test } from 'node:test';
import { weightedRandom } from '../../../src/routing/strategies/weighted-random.js';
import { candidates } from './candidates-for-test.js';

test('candidates are picked in proportion to their weights', () => {
  const weights = [7, 0, 2, 1];
  const balancer = weightedRandom(weights);
  const counts = [0, 0, 0, 0];
  const draws = 40_000;
  for (let i = 0; i < draws; i++) {
    const index = balancer.next(candidates());
    counts[index] = (counts[index] ?? 0) + 1;
  }
  assert.equal(counts[1], 0);
  for (const [index, weight] of weights.entries()) {
    const expected = (draws * weight) / 10;
    // Ten standard deviations: never reached by chance.
    const deviation = Math.sqrt(draws * (weight / 10) * (1 - weight / 10));
    assert.ok(Math.abs((counts[index] ?? 0) - expected) <= 10 * deviation, `${counts}`);
  }
});

test('ineligible candidates are never picked; without an eligible one there is none', () => {
  const balancer = weightedRandom([1, 1, 1]);
  for (let i = 0; i < 200; i++) assert.equal(balancer.next(candidates((index) => index === 1)), 1);
  assert.equal(balancer.next(candidates(() => false)), -1);
});
