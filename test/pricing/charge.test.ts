import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noClasses, type UsageClasses, usageOfClasses } from '../../src/dialects/usage.js';
import { costOfAnswer } from '../../src/pricing/charge.js';
import { settlePrice } from '../../src/pricing/model-price.js';
import { priceForTest } from './price-for-test.js';

const costOf = (rates: Record<string, number>, classes: Partial<UsageClasses>) =>
  costOfAnswer(
    '/v1/chat/completions',
    settlePrice(priceForTest({ rates })),
    usageOfClasses({ ...noClasses, ...classes }),
    0,
  )?.cost ?? null;

test('a usage that is only known in other units than the price has no cost, never 0', () => {
  const tokens = { input: 1_000_000, output: 1_000_000 };
  for (const [unit, classes] of [
    ['image', { images: 2 }],
    ['character', { characters: 2 }],
    ['second', { seconds: 2 }],
    ['search', { searches: 2 }],
    ['file_search', { fileSearches: 2 }],
  ] as const) {
    assert.equal(costOf(tokens, classes), null, unit);
    assert.equal(costOf({ ...tokens, [unit]: 7 }, classes), 14, unit);
    assert.equal(costOf(tokens, { ...classes, input: 1 }), 1, 'tokens have their price');
    assert.equal(costOf({}, classes), 0, 'what is free costs nothing');
  }
  assert.equal(costOf(tokens, {}), 0, 'no tokens cost nothing');
});
