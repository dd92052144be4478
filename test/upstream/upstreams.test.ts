import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Provider, ProviderTls } from '../../src/config/configuration.js';
import { settingsSchema } from '../../src/config/settings/settings-schema.js';
import type { Settings } from '../../src/config/settings/settings-types.js';
import { compileWires } from '../../src/routing/wire.js';
import { Attempt } from '../../src/upstream/attempt.js';
import type { ClientPool } from '../../src/upstream/client/exchange-handler.js';
import { Upstreams } from '../../src/upstream/upstreams.js';
import { provider } from '../config/configuration-for-test.js';
import { client, loopback } from '../server/certificates.js';
import { plainRequest, startProvider } from './provider-for-test.js';

const { properties } = settingsSchema.properties.upstream;
const settings: Settings['upstream'] = {
  connect_timeout_ms: properties.connect_timeout_ms.default,
  first_byte_timeout_ms: properties.first_byte_timeout_ms.default,
  idle_timeout_ms: properties.idle_timeout_ms.default,
  total_timeout_ms: properties.total_timeout_ms.default,
  max_connections_per_provider: properties.max_connections_per_provider.default,
  private_addresses: 'allow',
  https_proxy: null,
  http_proxy: null,
  no_proxy: null,
  fetch_media: 'off',
  max_media_bytes: 1,
};

const connectionOf = (fields: Partial<Provider> = {}, key = 'a') =>
  compileWires(provider(key, fields)).connection;

async function statusOf(pool: ClientPool): Promise<number> {
  const attempt = new Attempt();
  pool.dispatch({ ...plainRequest, method: 'GET', body: null }, attempt);
  await attempt.ready;
  return attempt.status;
}

test('a provider keeps its connections over reloads, also with another key or weight', () => {
  const upstreams = new Upstreams(settings);
  const before = upstreams.pool(connectionOf({ api_key: 'sk-1' }));
  const reloaded = connectionOf({ api_key: 'sk-2', weight: 5 });
  upstreams.retain([reloaded]);
  assert.equal(upstreams.pool(reloaded), before);
  upstreams.retain([]);
});

test('providers, addresses and times to connect do not share connections', () => {
  const upstreams = new Upstreams(settings);
  const slower = { provider_params: { timeouts: { connect_ms: 1 } } };
  const connections = [
    connectionOf(),
    connectionOf({}, 'b'),
    connectionOf({ api_base: 'https://other.example.com/v1' }),
    connectionOf(slower),
  ];
  assert.equal(new Set(connections.map((each) => upstreams.pool(each))).size, 4);
  upstreams.retain([]);
});

test('connections of a provider that is gone are closed, after what is under way', async (t) => {
  const origin = await startProvider(t, (_req, res) => setImmediate(() => res.end('ok')));
  const upstreams = new Upstreams(settings);
  const pool = upstreams.pool(connectionOf({ api_base: `${origin}/v1/` }));
  const underWay = statusOf(pool);
  upstreams.retain([connectionOf({}, 'b')]);
  assert.equal(await underWay, 200);
});

test('a request that has an older configuration still reaches its provider', async (t) => {
  const origin = await startProvider(t, (_req, res) => res.end('ok'));
  const upstreams = new Upstreams(settings);
  const old = connectionOf({ api_base: `${origin}/v1/` });
  upstreams.pool(old);
  upstreams.retain([]);
  assert.equal(await statusOf(upstreams.pool(old)), 200);
  upstreams.retain([]);
});

test('a provider with a CA of its own is reached, with our certificate where it wants one', async (t) => {
  const server = createServer(
    { ...loopback, ca: client.cert, requestCert: true, rejectUnauthorized: false },
    (req, res) =>
      res.writeHead('authorized' in req.socket && req.socket.authorized ? 200 : 403).end(),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const upstreams = new Upstreams(settings);
  t.after(() => {
    upstreams.retain([]);
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const api_base = `https://127.0.0.1:${port}/v1`;
  const status = (pem: NonNullable<ProviderTls['pem']>) =>
    statusOf(
      upstreams.pool(connectionOf({ api_base, provider_params: { tls: { ca_file: '/ca', pem } } })),
    );
  const { cert: ca } = loopback;
  assert.equal(await status({ ca }), 403);
  assert.equal(await status({ ca, ...client }), 200);
  await assert.rejects(status({}), /could not connect \(DEPTH_ZERO_SELF_SIGNED_CERT\)/);
});
