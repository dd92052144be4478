import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabelBounds } from '../../src/observe/metrics-labels.js';

test('equal label values are one object, by which series are remembered', () => {
  let past = 0;
  const bounds = new LabelBounds('gw', { providers: 9, pairs: 2 }, () => past++);
  const pairs = ['m', 'n'].map((model) => [model, 'a'] as const);
  bounds.learn({ models: ['m', 'n', 'o'], providers: ['a'], pairs });
  const named = bounds.of('m', 'a');
  assert.deepEqual(named, { model: 'm', provider: 'a' });
  assert.equal(bounds.of('gw/m', 'a'), named);

  const other = bounds.of('of no configuration', 'a');
  assert.deepEqual(other, { model: 'unknown', provider: 'a' });
  assert.equal(bounds.of('nor this', 'a'), other);
  assert.equal(bounds.of(null, 'a'), other);
  assert.equal(bounds.of(null, null), bounds.of('nor this', 'nowhere'));

  assert.equal(bounds.of('n', 'a').model, 'n');
  assert.equal(past, 0);
  assert.equal(bounds.of('o', 'a'), other);
  assert.equal(bounds.of('o', 'a'), other);
  assert.equal(past, 2, 'each request past the bound is counted');

  bounds.learn({ models: ['of no configuration'], providers: ['a'] });
  assert.equal(bounds.of('m', 'a'), named);
});
