import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Settings, settingsSchema } from '../../src/config/settings-schema.js';
import { Attempt } from '../../src/upstream/attempt.js';
import { type Upstream, Upstreams } from '../../src/upstream/upstream.js';
import { provider } from '../config/configuration-for-test.js';
import { startProvider } from './provider-for-test.js';

const { properties } = settingsSchema.properties.upstream;
const settings: Settings['upstream'] = {
  connect_timeout_ms: properties.connect_timeout_ms.default,
  first_byte_timeout_ms: properties.first_byte_timeout_ms.default,
  idle_timeout_ms: properties.idle_timeout_ms.default,
  total_timeout_ms: properties.total_timeout_ms.default,
  max_connections_per_provider: properties.max_connections_per_provider.default,
  private_addresses: 'allow',
};

async function statusOf({ pool, basePath }: Upstream): Promise<number> {
  const attempt = new Attempt();
  pool.dispatch({ method: 'GET', path: `${basePath}/models` }, attempt);
  await attempt.ready;
  return attempt.status;
}

test('a provider keeps its connections over reloads, also with another key or weight', () => {
  const upstreams = new Upstreams(settings);
  const before = upstreams.of(provider('a', { api_key: 'sk-1' }));
  const reloaded = provider('a', { api_key: 'sk-2', weight: 5 });
  upstreams.retain([reloaded]);
  const after = upstreams.of(reloaded);
  assert.equal(after.pool, before.pool);
  assert.deepEqual(after.headers, ['authorization', 'Bearer sk-2']);
  upstreams.retain([]);
});

test('two providers at one address do not share connections, nor one at another address', () => {
  const upstreams = new Upstreams(settings);
  const pools = new Set(
    [provider('a'), provider('b'), provider('a', { api_base: 'https://other.example.com/v1' })].map(
      (one) => upstreams.of(one).pool,
    ),
  );
  assert.equal(pools.size, 3);
  upstreams.retain([]);
});

test('connections of a provider that is gone are closed, after what is under way', async (t) => {
  const origin = await startProvider(t, (_req, res) => setImmediate(() => res.end('ok')));
  const upstreams = new Upstreams(settings);
  const gone = provider('a', { api_base: `${origin}/v1/` });
  const upstream = upstreams.of(gone);
  const underWay = statusOf(upstream);
  upstreams.retain([provider('b')]);
  assert.equal(upstream.pool.closed, true);
  assert.equal(await underWay, 200);
});

test('a request that has an older configuration still reaches its provider', async (t) => {
  const paths: string[] = [];
  const origin = await startProvider(t, (req, res) => {
    paths.push(req.url ?? '');
    res.end('ok');
  });
  const upstreams = new Upstreams(settings);
  const old = provider('a', { api_base: `${origin}/v1/` });
  upstreams.of(old);
  upstreams.retain([]);
  assert.equal(await statusOf(upstreams.of(old)), 200);
  assert.deepEqual(paths, ['/v1/models']);
  upstreams.retain([]);
});

test('extra headers go with every request; another authorization replaces the bearer token', () => {
  const upstreams = new Upstreams(settings);
  const headers = (extra: Record<string, string>) =>
    upstreams.of(provider('a', { provider_params: { headers: extra } }));
  const added = headers({ 'X-Org': 'authorization' });
  assert.deepEqual(added.headers, [
    'x-org',
    'authorization',
    'authorization',
    'Bearer sk-provider',
  ]);
  assert.deepEqual([...added.headerNames].sort(), ['authorization', 'x-org']);
  assert.deepEqual(headers({ Authorization: 'Token x' }).headers, ['authorization', 'Token x']);
  upstreams.retain([]);
});
