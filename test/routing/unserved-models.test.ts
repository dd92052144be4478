import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unservedModels } from '../../src/routing/unserved-models.js';

const provider = (model_mapping: Record<string, string>, is_enabled = true) => ({
  model_mapping,
  is_enabled,
});

test('entries that allow no model of any enabled provider are found, and no others', () => {
  const exact = [provider({ 'gpt-4o': 'x', o3: 'y' }), provider({ 'claude-3': 'z' }, false)];
  const found = unservedModels(['gpt-4o', 'gpt-5', 'gpt*', 'claude*', '*', 'claude-3'], exact);
  assert.deepEqual(found, ['gpt-5', 'claude*', 'claude-3']);
  const wild = [provider({ 'gpt*': 'x', '/^o[13]$/': 'y' })];
  assert.deepEqual(unservedModels(['gpt-5', 'o1', 'o2', 'claude*'], wild), ['o2']);
  assert.deepEqual(unservedModels(['anything'], [...wild, provider({})]), []);
  assert.deepEqual(unservedModels(['anything'], []), ['anything']);
});
