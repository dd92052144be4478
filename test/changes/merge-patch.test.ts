import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergePatch } from '../../src/changes/merge-patch.js';

test('a merge sets, removes and descends, and leaves no empty object', () => {
  const before = { a: 1, b: { c: 1, d: { e: 1 } }, list: [1, 2], text: 'x' };
  const patch = { a: null, b: { d: { e: null }, f: 2 }, list: [3], text: { in: 'place' }, g: {} };
  assert.deepEqual(mergePatch(before, patch), {
    b: { c: 1, f: 2 },
    list: [3],
    text: { in: 'place' },
  });
  assert.deepEqual(mergePatch({}, { x: { y: null }, z: null }), {});
  assert.deepEqual(before, { a: 1, b: { c: 1, d: { e: 1 } }, list: [1, 2], text: 'x' });
});
