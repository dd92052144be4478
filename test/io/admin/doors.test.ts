import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rawClient } from '../../server/support.js';
import { ask, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { freePort } from '../../support/free-port.js';
import { until } from '../../support/until.js';

const path = '/admin/v1/credentials';

/** The head of a request whose declared body of a million bytes is never sent. */
function headOf(key: string): string {
  const fields = ['host: localhost', 'content-type: application/json', 'content-length: 1000000'];
  if (key !== '') fields.push(`authorization: Bearer ${key}`);
  return `POST ${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`;
}

for (const { engine, skip } of engines) {
  test(`a request for the admin API is refused by its head on ${engine}`, { skip }, async (t) => {
    const adminPort = await freePort();
    const settings = { server: { body_timeout_ms: 1_000 } };
    const main = await startDaemon(t, { engine, settings });
    const own = await startDaemon(t, {
      engine,
      settings: { admin: { listen: `127.0.0.1:${adminPort}` } },
    });
    const client = await main.addKey('alice');
    await main.reload();

    for (const port of [main.port, adminPort]) {
      for (const key of ['', 'wrong', client]) {
        const raw = await rawClient(port);
        await raw.send(headOf(key));
        assert.match(await raw.until(/\}\}/), /^HTTP\/1\.1 401 /);
        raw.socket.destroy();
      }
    }
    for (const [line, field, status] of [
      [`POST ${path} HTTP/1.1`, 'transfer-encoding: gzip, chunked', 400],
      [`GET ${path} HTTP/2.0`, 'accept: */*', 505],
      ['CONNECT localhost:1 HTTP/1.1', 'accept: */*', 400],
    ] as const) {
      const raw = await rawClient(adminPort);
      const sent = [line, 'host: localhost', `authorization: Bearer ${own.adminKey}`, field];
      await raw.send(`${sent.join('\r\n')}\r\n\r\n`);
      assert.match((await raw.closed).received, new RegExp(`^HTTP/1\\.1 ${status} `), line);
    }
    const late = await rawClient(main.port);
    await late.send(headOf(main.adminKey));
    assert.match(await late.until(/\}\}/), /^HTTP\/1\.1 408 /);
    late.socket.destroy();
    own.kill('SIGTERM');
  });
}

test('the admin listener asks for a body only after it has seen the key', async (t) => {
  const port = await freePort();
  const daemon = await startDaemon(t, { settings: { admin: { listen: `127.0.0.1:${port}` } } });
  const body = '{"name":"alice"}';
  const head = (key: string, length: number, version = '1.1') =>
    headOf(key).replace('1000000', String(length)).replace('HTTP/1.1', `HTTP/${version}`);
  const waiting = (key: string, length: number) =>
    head(key, length).replace('\r\n', '\r\nexpect: 100-continue\r\n');
  for (const [sent, status] of [
    [waiting('', body.length), 401],
    [waiting('wrong', body.length), 401],
    [waiting(daemon.adminKey, 1_000_000_000), 413],
    [head(daemon.adminKey, 1_000_000_000), 413],
  ] as const) {
    const raw = await rawClient(port);
    await raw.send(sent);
    assert.match(await raw.until(/\}\}/), new RegExp(`^HTTP/1\\.1 ${status} `));
    raw.socket.destroy();
  }
  const raw = await rawClient(port);
  await raw.send(waiting(daemon.adminKey, body.length));
  await raw.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
  await raw.send(body);
  const answered = await raw.until(/"key":"[^"]+"/);
  daemon.secrets.add(/"key":"([^"]+)"/.exec(answered)?.[1] ?? '');
  assert.match(answered, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /);
  raw.socket.destroy();

  // A client of HTTP/1.0 knows no interim answer.
  const old = await rawClient(port);
  const asked = head(daemon.adminKey, 2, '1.0').replace('\r\n', '\r\nexpect: 100-continue\r\n');
  await old.send(`${asked}{}`);
  assert.match((await old.closed).received, /^HTTP\/1\.1 400 /);
});

test('the admin API is limited to the addresses of admin.allow_from, as reported by trusted proxies', async (t) => {
  const daemon = await startDaemon(t, {
    settings: {
      server: { trusted_proxies: ['127.0.0.1'] },
      admin: { allow_from: ['192.0.2.0/24'] },
    },
  });
  const status = async (forwardedFor: string, url = `${daemon.url}/admin/v1/status`) => {
    const headers = { ...bearer(daemon.adminKey), 'x-forwarded-for': forwardedFor };
    return (await ask(url, { headers })).status;
  };
  assert.equal(await status('192.0.2.7'), 200);
  assert.equal(await status('198.51.100.1, 192.0.2.7'), 200);
  assert.equal(await status('192.0.2.7, 198.51.100.1'), 403);
  assert.equal(await status('nonsense'), 403);
  assert.equal(await status('198.51.100.1', `${daemon.url}/metrics`), 200);
  const refused = await ask(`${daemon.url}/admin/v1/status`, { headers: bearer('wrong') });
  assert.equal(refused.status, 403, 'before the key is looked at');
  assert.equal((await daemon.cli(['status', '--json'])).code, 0);
});

test('the PROXY protocol of a trusted proxy names the client, and makes nothing local', async (t) => {
  const daemon = await startDaemon(t, {
    engine: 'net',
    settings: { server: { trusted_proxies: ['127.0.0.1'], proxy_protocol: true } },
  });
  const get = async (source: string, path: string, key: string) => {
    const raw = await rawClient(daemon.port);
    await raw.send(
      `PROXY TCP4 ${source} 127.0.0.1 4711 80\r\nGET ${path} HTTP/1.1\r\nhost: localhost\r\n` +
        `connection: close\r\nauthorization: Bearer ${key}\r\n\r\n`,
    );
    return (await raw.closed).received;
  };
  assert.match(await get('127.0.0.1', '/health', 'wrong'), /\{"status":"ok"\}$/);
  assert.match(await get('127.0.0.1', '/metrics', 'wrong'), /^HTTP\/1\.1 401 /);
  assert.match(await get('192.0.2.7', '/v1/models', 'wrong'), /^HTTP\/1\.1 401 /);
  await daemon.waitFor('wrong_key', ({ address }) => address === '192.0.2.7');
});

test('on a listener that others can reach, this machine needs the key too', async (t) => {
  const daemon = await startDaemon(t, { host: '0.0.0.0' });
  assert.deepEqual(JSON.parse((await ask(`${daemon.url}/health`)).text), { status: 'ok' });
  for (const closed of ['/metrics', '/health/detailed']) {
    assert.equal((await ask(daemon.url + closed)).status, 401, closed);
    const headers = bearer(daemon.adminKey);
    assert.equal((await ask(daemon.url + closed, { headers })).status, 200, closed);
  }
  assert.equal((await ask(`${daemon.url}/docs`)).status, 200);
});

test('wrong keys of clients are logged and, in great number, delayed', async (t) => {
  const daemon = await startDaemon(t);
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const models = (sent: string) => ask(`${daemon.url}/v1/models`, { headers: bearer(sent) });
  for (let i = 0; i < 100; i++) assert.equal((await models(`wrong-${i}`)).status, 401);
  const refused = await models('wrong');
  assert.equal(refused.status, 429);
  assert.match(String(refused.headers['retry-after']), /^\d+$/);
  assert.equal((await models(key)).status, 200);
  await daemon.waitFor('wrong_key', ({ kind }) => kind === 'client');

  const metrics = await until('all to be counted', async () => {
    const answered = await ask(`${daemon.url}/metrics`);
    return /^llm_proxy_wrong_keys_total\{kind="client"\} 101$/m.test(answered.text) && answered;
  });
  assert.match(metrics.text, /^llm_proxy_wrong_keys_total\{kind="admin"\} 0$/m);
  assert.doesNotMatch(metrics.text, /^llm_proxy_rate_limited_requests_total [1-9]/m);
  const told = daemon.logs.filter(({ event }) => event === 'wrong_key');
  assert.deepEqual(
    told.map(({ address, level }) => [address, level]),
    Array(3).fill(['127.0.0.1', 'warn']),
    'the 1st, the 10th and the 100th',
  );
});

test('clients without a key that read slowly leave connections to those with one', async (t) => {
  const daemon = await startDaemon(t, { settings: { server: { workers: 1 } } });
  // Many requests on a connection whose client does not read: the buffers in between are full.
  const paths = ['/docs/swagger-ui-bundle.js', '/openapi.json', '/console', '/metrics'];
  const slow = await Promise.all(
    Array.from({ length: 320 }, async (_, i) => {
      const raw = await rawClient(daemon.port);
      raw.socket.pause();
      const path = paths[i % paths.length];
      await raw.send(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`.repeat(20));
      return raw;
    }),
  );
  t.after(() => {
    for (const { socket } of slow) socket.destroy();
  });
  const answered = await ask(`${daemon.url}/admin/v1/status`, {
    headers: bearer(daemon.adminKey),
    signal: AbortSignal.timeout(30_000),
  });
  assert.equal(answered.status, 200);
});

test('the listener of the admin API takes 64 connections from one address', async (t) => {
  const port = await freePort();
  await startDaemon(t, { settings: { admin: { listen: `127.0.0.1:${port}` } } });
  const open = await Promise.all(Array.from({ length: 64 }, () => rawClient(port)));
  const past = await rawClient(port);
  assert.equal((await past.closed).received, '');
  for (const { socket } of open) socket.destroy();
});
