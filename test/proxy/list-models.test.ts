import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listModels, showModel } from '../../src/proxy/list-models.js';
import { buildSnapshot, type RoutedCredential } from '../../src/routing/snapshot.js';
import { configuration, credential, provider } from '../config/configuration-for-test.js';

const snapshot = buildSnapshot(
  configuration(
    [
      provider('a', { model_mapping: { 'gpt-4': 'x', 'claude-*': 'claude-*' } }),
      provider('b', { model_mapping: { 'gpt-4': 'y', 'gpt-3': 'z' } }),
      provider('off', { model_mapping: { never: 'x' }, is_enabled: false }),
    ],
    [credential('all'), credential('some', { allowed_models: ['gpt-4', 'claude-*'] })],
  ),
  'hash',
);
const [all, some] = [...snapshot.credentials.values()] as [RoutedCredential, RoutedCredential];
const facts = {
  version: '',
  startedAt: 0,
  configVersion: 1,
  database: 'up',
  discovered: [],
} as const;

test('the list holds the models that are named and that this key may use, each once', () => {
  const idsFor = (key: RoutedCredential) =>
    JSON.parse(listModels({ snapshot, facts }, key)).data.map(({ id }: { id: string }) => id);
  assert.deepEqual(idsFor(all), ['gpt-3', 'gpt-4']);
  assert.deepEqual(idsFor(some), ['gpt-4']);
});

test('a model is described with those who serve it', () => {
  const { object, data } = JSON.parse(listModels({ snapshot, facts }, some));
  assert.equal(object, 'list');
  assert.deepEqual(data[0], { id: 'gpt-4', object: 'model', created: 0, owned_by: 'a, b' });
  assert.equal(JSON.parse(showModel(snapshot, some, 'claude-9')).owned_by, 'a');
});

test('a model that is not served and one that is not allowed cannot be told apart', () => {
  for (const [key, model] of [
    [all, 'never'],
    [some, 'gpt-3'],
    [all, '__proto__'],
  ] as const) {
    assert.throws(() => showModel(snapshot, key, model), {
      code: 'model_not_found',
      message: `The model "${model}" does not exist here.`,
    });
  }
});
