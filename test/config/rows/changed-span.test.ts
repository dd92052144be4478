import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changedSpan } from '../../../src/config/rows/changed-span.js';

test('what two lists have in common at both ends is skipped, and no row twice', () => {
  const cases: [string, string, ReturnType<typeof changedSpan>][] = [
    ['', '', { first: 0, end: 0, endAfter: 0 }],
    ['abc', 'abc', { first: 3, end: 3, endAfter: 3 }],
    ['abc', 'axc', { first: 1, end: 2, endAfter: 2 }],
    ['abc', 'abcd', { first: 3, end: 3, endAfter: 4 }],
    ['abc', 'bc', { first: 0, end: 1, endAfter: 0 }],
    ['aa', 'a', { first: 1, end: 2, endAfter: 1 }],
    ['a', 'aa', { first: 1, end: 1, endAfter: 2 }],
    ['xbc', 'ybc', { first: 0, end: 1, endAfter: 1 }],
  ];
  for (const [before, after, span] of cases) {
    assert.deepEqual(changedSpan([...before], [...after]), span, `${before} ${after}`);
  }
});
