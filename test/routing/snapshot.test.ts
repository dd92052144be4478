import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashKey } from '../../src/config/secrets/credential-key.js';
import { modelEndpoints } from '../../src/dialects/endpoints.js';
import { buildSnapshot } from '../../src/routing/snapshot.js';
import { configuration, credential, provider } from '../config/configuration-for-test.js';

test('a snapshot is frozen as far as routing reads it', () => {
  const snapshot = buildSnapshot(configuration([provider('a')], [credential('k')]), 'hash');
  const route = snapshot.route('m');
  const parts: unknown[] = [
    snapshot,
    snapshot.providers,
    snapshot.providers[0],
    snapshot.models,
    route,
  ];
  parts.push(route?.candidates ?? null, route?.candidates[0]);
  parts.push(snapshot.credentials.get(hashKey('k')));
  for (const part of parts) {
    assert.ok(part);
    assert.ok(Object.isFrozen(part));
  }
});

test('disabled providers and credentials are not in it', () => {
  const off = { is_enabled: false };
  const snapshot = buildSnapshot(
    configuration(
      [
        provider('a', { ...off, model_mapping: { m: 'x' } }),
        provider('b', { model_mapping: { n: 'y' } }),
      ],
      [credential('on'), credential('off', off)],
    ),
    'hash',
  );
  assert.deepEqual(
    snapshot.providers.map(({ key }) => key),
    ['b'],
  );
  assert.deepEqual(
    [...snapshot.credentials.values()].map(({ name }) => name),
    ['on'],
  );
  assert.deepEqual(snapshot.models, ['n']);
  assert.equal(snapshot.route('m'), null);
});

test('a route lists each provider of the model, in order, with its own name of the model', () => {
  const snapshot = buildSnapshot(
    configuration([
      provider('a', { model_mapping: { m: 'ma' } }),
      provider('b', { model_mapping: { other: 'x' } }),
      provider('c', { weight: 3 }),
    ]),
    'hash',
  );
  const route = snapshot.route('m');
  assert.deepEqual(
    route?.candidates.map(({ provider: { key, weight }, model }) => [key, weight, model]),
    [
      ['a', 1, 'ma'],
      ['c', 3, 'm'],
    ],
  );
});

test('the routes of an endpoint list providers of its dialect first, then the others', () => {
  const snapshot = buildSnapshot(
    configuration([
      provider('a'),
      provider('b', { provider_type: 'anthropic', api_base: 'https://api.anthropic.com/v1' }),
    ]),
    'hash',
  );
  const at = (pattern: string) => {
    const endpoint = modelEndpoints.find((each) => each.pattern === pattern) ?? assert.fail();
    return snapshot.routes('m', endpoint).map(({ candidates }) =>
      candidates.map((each) => {
        const wire = each.wire(endpoint);
        return [each.provider.key, wire?.path, wire?.translation ? 'translated' : 'native'];
      }),
    );
  };
  const chat = [['a', '/v1/chat/completions', 'native']];
  const messages = [['b', '/v1/messages', 'native']];
  const toChat = [['a', '/v1/chat/completions', 'translated']];
  const toMessages = [['b', '/v1/messages', 'translated']];
  assert.deepEqual(at('/v1/chat/completions'), [chat, toMessages]);
  assert.deepEqual(at('/v1/messages'), [messages, toChat]);
  assert.deepEqual(at('/v1/responses'), [[...toChat, ...toMessages]]);
  assert.deepEqual(at('/v1/messages/count_tokens'), [
    [['b', '/v1/messages/count_tokens', 'native']],
  ]);
  assert.deepEqual(at('/v1/embeddings'), [[['a', '/v1/embeddings', 'native']]]);
  assert.equal(snapshot.route('m')?.candidates.length, 2);
  const [first = assert.fail()] = modelEndpoints;
  assert.equal(snapshot.routes('m', first), snapshot.routes('m', first), 'it is remembered');
});

test('routes with the same providers and weights share a group, others do not', () => {
  const build = (weight: number) =>
    buildSnapshot(
      configuration([provider('a', { weight }), provider('b', { model_mapping: { 'x*': 'y' } })]),
      'hash',
    );
  const snapshot = build(1);
  assert.equal(snapshot.route('x1')?.group, snapshot.route('x2')?.group);
  assert.notEqual(snapshot.route('x1')?.group, snapshot.route('z')?.group);
  assert.equal(snapshot.route('x1')?.group, build(1).route('x1')?.group);
  assert.notEqual(snapshot.route('x1')?.group, build(2).route('x1')?.group);
});

test('routes are cached, and names invented by a client do not fill the memory', () => {
  const snapshot = buildSnapshot(configuration([provider('a')]), 'hash');
  const first = snapshot.route('first');
  assert.equal(snapshot.route('first'), first);
  const long = 'x'.repeat(300);
  assert.notEqual(snapshot.route(long), snapshot.route(long));

  for (let i = 0; i < 10_000; i++) snapshot.route(`made-up-${i}`);
  assert.notEqual(snapshot.route('first'), first, 'the oldest was forgotten');
  assert.equal(
    snapshot.route('first'),
    snapshot.route('first'),
    'what is used is remembered again',
  );
});

test('models are the exact names of all mappings, sorted, once each', () => {
  const snapshot = buildSnapshot(
    configuration([
      provider('a', { model_mapping: { b: 'x', 'g*': 'x', '/re/': 'x', '/models/llama': 'x' } }),
      provider('b', { model_mapping: { b: 'y', a: 'y' } }),
    ]),
    'hash',
  );
  assert.deepEqual(snapshot.models, ['/models/llama', 'a', 'b']);
});
