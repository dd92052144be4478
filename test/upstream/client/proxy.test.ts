import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createRaw } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { type HttpProxy, parseProxy } from '../../../src/config/network/http-proxy.js';
import { loopback } from '../../server/certificates.js';
import { startProxy } from '../../support/http-proxy.js';
import { openPool, startProvider } from '../provider-for-test.js';
import { ask } from './ask-pool.js';

const proxyAt = (url: string) => parseProxy(url) as HttpProxy;

async function startTlsProvider(t: TestContext): Promise<string> {
  const server = createServer(loopback, (req, res) => {
    res.end(`${req.url} ${req.headers['proxy-authorization'] ?? ''}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a provider at https is reached through a tunnel, which is kept for more requests', async (t) => {
  const origin = await startTlsProvider(t);
  const { name, asked } = await startProxy(t, 'user:p@ss');
  const proxy = proxyAt(`http://user:p%40ss@${name}`);
  const pool = openPool(t, origin, { proxy, tls: { ca: loopback.cert } });
  assert.equal((await ask(pool, { path: '/v1/a' })).body, '/v1/a ');
  assert.equal((await ask(pool, { path: '/v1/b' })).body, '/v1/b ');
  assert.deepEqual(asked, [`CONNECT ${new URL(origin).host}`]);
});

test('a certificate is checked through a tunnel as well', async (t) => {
  const origin = await startTlsProvider(t);
  const { name } = await startProxy(t);
  const pool = openPool(t, origin, { proxy: proxyAt(name) });
  await assert.rejects(ask(pool), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
});

test('a proxy gets the requests for a provider at http, with our credentials', async (t) => {
  const origin = await startProvider(t, (req, res) =>
    res.end(`${req.url} ${req.headers.host} ${req.headers['proxy-authorization'] ?? ''}`),
  );
  const { name, asked } = await startProxy(t, 'user:secret');
  const pool = openPool(t, origin, { proxy: proxyAt(`http://user:secret@${name}`) });
  const { host } = new URL(origin);
  assert.equal((await ask(pool, { path: '/v1/a?b=1' })).body, `/v1/a?b=1 ${host} `);
  assert.deepEqual(asked, [`POST ${origin}/v1/a?b=1`]);
});

test('the certificate of a proxy that is reached over TLS is checked', async (t) => {
  const origin = await startTlsProvider(t);
  const front = createTlsServer(loopback, (socket) => socket.on('error', () => {}));
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  t.after(() => front.close());
  const url = `https://127.0.0.1:${(front.address() as AddressInfo).port}`;
  // The authorities of the provider are not those of the proxy.
  const pool = openPool(t, origin, { proxy: proxyAt(url), tls: { ca: loopback.cert } });
  await assert.rejects(ask(pool), /the proxy 127\.0\.0\.1:\d+ cannot be reached \(DEPTH_ZERO_/);
});

test('a proxy that refuses, fails or is away is named, without its password', async (t) => {
  const origin = await startTlsProvider(t);
  const plainOrigin = await startProvider(t, (_req, res) => res.end('ok'));
  const { name } = await startProxy(t, 'user:right');
  const closed = createRaw((socket) => socket.end());
  const silly = createRaw((socket) => socket.end('SSH-2.0-OpenSSH\r\n\r\n'));
  const early = createRaw((socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nhello'));
  const silent = createRaw(() => {});
  const nameOf = async (server: ReturnType<typeof createRaw>) => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    server.on('connection', (socket) => t.after(() => socket.destroy()));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const dead = await startProxy(t);
  const gone = createRaw();
  const goneName = await nameOf(gone);
  gone.close();
  for (const [proxyName, to, message] of [
    [name, origin, / wants another user or password \(407\) for 127/],
    [name, plainOrigin, / wants another user or password \(407\)$/],
    [dead.name, 'https://127.0.0.1:1', / answers 502 for 127\.0\.0\.1:1$/],
    [await nameOf(closed), origin, / closes the connection to 127/],
    [await nameOf(silly), origin, / sends no HTTP$/],
    [await nameOf(early), origin, / sends more than its answer$/],
    [await nameOf(silent), origin, / cannot be reached \(ERR_CONNECT_TIMEOUT\)$/],
    [goneName, origin, / cannot be reached \(ECONNREFUSED\)$/],
    [goneName, plainOrigin, / cannot be reached \(ECONNREFUSED\)$/],
  ] as const) {
    const proxy = proxyAt(`http://user:secret@${proxyName}`);
    const pool = openPool(t, to, { proxy, connectTimeoutMs: 1_000 });
    await assert.rejects(ask(pool), (error: Error) => {
      assert.ok(error.message.startsWith(`the proxy ${proxyName} `), error.message);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
});
