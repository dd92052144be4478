import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Provider } from '../../src/config/configuration.js';
import { modelEndpoints } from '../../src/dialects/endpoints.js';
import { compileWires } from '../../src/routing/wire.js';
import { provider } from '../config/configuration-for-test.js';

const [chat = assert.fail(), , embeddings = assert.fail()] = modelEndpoints;
const wires = (fields: Partial<Provider> = {}) => compileWires(provider('a', fields));

test('a request goes below the base of its provider', () => {
  const { to, list } = wires({ api_base: 'https://api.example.com/v1/' });
  assert.equal(to(chat, 'm')?.path, '/v1/chat/completions');
  assert.equal(to(embeddings, 'm')?.path, '/v1/embeddings');
  assert.equal(list.path, '/v1/models');
  assert.equal(list.connection.origin, 'https://api.example.com');
});

test('extra headers go with every request; another authorization replaces the bearer token', () => {
  const added = wires({ provider_params: { headers: { 'X-Org': 'authorization' } } }).list;
  assert.deepEqual(added.headers, [
    ...['x-org', 'authorization'],
    ...['authorization', 'Bearer sk-provider'],
    ...['accept-encoding', 'identity'],
  ]);
  assert.deepEqual([...added.headerNames].sort(), ['accept-encoding', 'authorization', 'x-org']);
  const own = wires({ provider_params: { headers: { Authorization: 'Token x' } } }).to(chat, 'm');
  assert.deepEqual(own?.headers, ['authorization', 'Token x', 'accept-encoding', 'identity']);
});

test('the timeouts of a model override those of its provider; the first matching pattern counts', () => {
  const { to } = wires({
    provider_params: {
      timeouts: { total_ms: 1, idle_ms: 2, connect_ms: 3 },
      model_timeouts: { 'o*': { total_ms: 10 }, 'o1*': { total_ms: 20 } },
    },
  });
  const of = (model: string) => to(chat, model)?.timeouts;
  assert.deepEqual(of('o1-mini'), { total_ms: 10, idle_ms: 2, connect_ms: 3 });
  assert.deepEqual(of('gpt'), { total_ms: 1, idle_ms: 2, connect_ms: 3 });
  assert.deepEqual(wires().to(chat, 'm')?.timeouts, {});
});

test('an unknown type is named', () => {
  const row = { ...provider('a'), provider_type: 'other' } as unknown as Provider;
  assert.throws(() => compileWires(row), /the provider type "other" is not known/);
});

test('a stream is asked for its usage unless the provider refuses that', () => {
  assert.equal(wires().to(chat, 'm')?.asksUsage, true);
  assert.equal(wires({ provider_params: { stream_usage: true } }).list.asksUsage, true);
  assert.equal(wires({ provider_params: { stream_usage: false } }).list.asksUsage, false);
});
