import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelEndpoints } from '../../../src/dialects/endpoints.js';
import { planRoutes } from '../../../src/proxy/attempts/plan-routes.js';
import { buildSnapshot, type RoutedCredential } from '../../../src/routing/snapshot.js';
import { configuration, credential, provider } from '../../config/configuration-for-test.js';
import { settingsForTest } from '../gateway-for-test.js';

const snapshot = buildSnapshot(
  configuration(
    [
      provider('a', { model_mapping: { big: 'a-big', __proto__x: 'x' } }),
      provider('b', { model_mapping: { small: 'b-small' } }),
    ],
    [credential('all'), credential('some', { allowed_models: ['big', 'gone'] })],
  ),
  'hash',
);
const [chat = assert.fail()] = modelEndpoints;
const [all, some] = [...snapshot.credentials.values()] as [RoutedCredential, RoutedCredential];
const { routing } = settingsForTest(({ routing }) => {
  routing.provider_suffix = 'Proxy';
  routing.fallbacks = { big: ['small', 'unserved'], gone: ['small', 'big'] };
});

const sent = (credential: RoutedCredential, model: string, settings = routing) =>
  planRoutes(snapshot, credential, chat, model, settings).map(({ candidates }) =>
    candidates.map(({ model }) => model).join(),
  );

test('a model’s own route comes first, then those of its fallback models that are served', () => {
  assert.deepEqual(sent(all, 'big'), ['a-big', 'b-small']);
  assert.deepEqual(sent(all, 'small'), ['b-small']);
  assert.deepEqual(sent(all, 'gone'), ['b-small', 'a-big'], 'also of one that nobody serves');
});

test('the prefix is removed once, and only with its slash', () => {
  assert.deepEqual(sent(all, 'Proxy/big'), ['a-big', 'b-small']);
  for (const model of ['Proxy/Proxy/big', 'Proxybig', 'proxy/big', 'Proxy/']) {
    assert.throws(() => sent(all, model), { code: 'model_not_found' }, model);
  }
});

test('a key gets neither a model nor a fallback that it may not use', () => {
  assert.deepEqual(sent(some, 'big'), ['a-big']);
  assert.deepEqual(sent(some, 'gone'), ['a-big']);
  assert.throws(() => sent(some, 'small'), { code: 'model_not_allowed', param: 'model' });
});

test('names of JavaScript’s own members are names like others', () => {
  for (const model of ['__proto__', 'constructor', 'toString']) {
    assert.throws(() => sent(all, model), { code: 'model_not_found' }, model);
  }
});

test('without any provider the error says so', () => {
  const empty = buildSnapshot(configuration(), 'hash');
  assert.throws(() => planRoutes(empty, all, chat, 'big', routing), {
    code: 'no_provider_available',
    headers: { 'retry-after': '10' },
  });
});
