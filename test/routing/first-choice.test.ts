import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstChoices, firstShares } from '../../src/routing/first-choice.js';

const of = (weight: number, priority = 0) => ({ weight, priority });

test('the lowest priority goes first, in proportion to its weights', () => {
  const [spare, one, three, later] = [of(0), of(1), of(3), of(9, 1)];
  const choices = firstChoices([later, spare, one, three]);
  assert.deepEqual(choices, [one, three]);
  assert.deepEqual(
    [later, spare, one, three].map(firstShares([later, spare, one, three])),
    [0, 0, 0.25, 0.75],
  );
});

test('without any weight the first one goes alone', () => {
  const [a, b] = [of(0), of(0)];
  const choices = firstChoices([a, b]);
  assert.deepEqual([choices.length, choices[0]], [1, a]);
  assert.deepEqual([a, b].map(firstShares([a, b])), [1, 0]);
});
