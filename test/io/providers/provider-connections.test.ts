import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { loopback } from '../../server/certificates.js';
import { type DaemonOptions, startDaemon } from '../../support/daemon.js';
import { startProxy } from '../../support/http-proxy.js';
import { testDirectory } from '../../support/postgres.js';
import { startUpstream } from '../../support/upstream.js';

const completion = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});

/** A TLS provider with HTTP/2, and HTTP/1.1 only if configured. */
async function startTls(t: TestContext, allowHTTP1: boolean) {
  const versions: string[] = [];
  const server = createSecureServer({ ...loopback, allowHTTP1 }, (req, res) => {
    versions.push(req.httpVersion);
    req.resume();
    req.on('end', () => {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(completion);
    });
  });
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => sessions.add(session));
  server.on('connection', (socket) => sessions.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const session of sessions) session.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}/v1`, host: `127.0.0.1:${port}`, versions };
}

/** A daemon that trusts the test's certificates. */
function start(t: TestContext, { env, ...options }: DaemonOptions = {}) {
  const ca = join(testDirectory(), 'ca.pem');
  writeFileSync(ca, loopback.cert);
  return startDaemon(t, { ...options, env: { NODE_EXTRA_CA_CERTS: ca, ...env } });
}

async function ask(url: string, key: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
    signal: AbortSignal.timeout(20_000),
  });
  return { status: answer.status, text: await answer.text() };
}

test('a provider that offers HTTP/2 alone is reached, and one that offers both as configured', async (t) => {
  const only = await startTls(t, false);
  const both = await startTls(t, true);
  const daemon = await start(t);
  await daemon.addProvider('only', { api_base: only.url });
  const key = await daemon.addKey('k');
  await daemon.reload();
  assert.deepEqual((await ask(daemon.url, key)).status, 200);
  assert.deepEqual(only.versions, ['2.0']);
  await daemon.sql`UPDATE providers SET api_base = ${both.url}`;
  await daemon.reload();
  assert.equal((await ask(daemon.url, key)).status, 200);
  await daemon.sql`UPDATE providers SET provider_params = ${daemon.sql.json({ http2: true })}`;
  await daemon.reload();
  assert.equal((await ask(daemon.url, key)).status, 200);
  assert.deepEqual(both.versions, ['1.1', '2.0']);
});

test('HTTPS_PROXY is used by requests, probes and provider test, but not for NO_PROXY', async (t) => {
  const provider = await startTls(t, true);
  const plain = await startUpstream(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(completion);
  });
  const proxy = await startProxy(t, 'user:proxy-secret');
  const daemon = await start(t, {
    env: {
      HTTPS_PROXY: `http://user:proxy-secret@${proxy.name}`,
      http_proxy: `http://user:proxy-secret@${proxy.name}`,
      NO_PROXY: 'localhost',
    },
  });
  daemon.secrets.add('proxy-secret');
  await daemon.addProvider('far', { api_base: provider.url, model_mapping: { m: 'm' } });
  const key = await daemon.addKey('k');
  await daemon.reload();
  assert.equal((await ask(daemon.url, key)).status, 200);
  assert.deepEqual(proxy.asked.splice(0), [`CONNECT ${provider.host}`]);
  await daemon.cli(['provider', 'test', 'far']);
  assert.deepEqual(proxy.asked.splice(0), [`CONNECT ${provider.host}`]);
  const health = await fetch(`${daemon.url}/health/detailed`, {
    headers: { authorization: `Bearer ${daemon.adminKey}` },
  });
  assert.equal(health.status, 200);
  assert.deepEqual(proxy.asked.splice(0), [`CONNECT ${provider.host}`]);
  await daemon.sql`UPDATE providers SET api_base = ${plain.url}`;
  await daemon.reload();
  assert.equal((await ask(daemon.url, key)).status, 200);
  assert.deepEqual(proxy.asked.splice(0), [`POST ${plain.url}/chat/completions`]);
  await daemon.sql`UPDATE providers SET api_base = ${plain.url.replace('127.0.0.1', 'localhost')}`;
  await daemon.reload();
  assert.equal((await ask(daemon.url, key)).status, 200);
  await daemon.sql`
    UPDATE providers SET api_base = ${provider.url}, provider_params = ${daemon.sql.json({ proxy: 'none' })}`;
  await daemon.reload();
  assert.equal((await ask(daemon.url, key)).status, 200);
  assert.deepEqual(proxy.asked, []);
  const shown = await daemon.cli(['config', 'show', '--origin']);
  assert.doesNotMatch(shown.stdout, /proxy-secret/);
});

test('a proxy over TLS tunnels too', async (t) => {
  const provider = await startTls(t, true);
  const proxy = await startProxy(t);
  const [, port] = proxy.name.split(':');
  const front = createTlsServer(loopback, (socket) => {
    const inner = connect(Number(port), '127.0.0.1');
    socket.pipe(inner).pipe(socket);
    socket.on('error', () => {}).on('close', () => inner.destroy());
    inner.on('error', () => {}).on('close', () => socket.destroy());
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  t.after(() => front.close());
  const url = `https://localhost:${(front.address() as AddressInfo).port}`;
  const daemon = await start(t, { env: { HTTPS_PROXY: url } });
  await daemon.addProvider('far', { api_base: provider.url });
  const key = await daemon.addKey('k');
  await daemon.reload();
  assert.equal((await ask(daemon.url, key)).status, 200);
  assert.deepEqual(proxy.asked, [`CONNECT ${provider.host}`]);
});

test('a wrong proxy is named in the error, without its password', async (t) => {
  const provider = await startTls(t, true);
  const proxy = await startProxy(t, 'user:right');
  const daemon = await start(t, {
    env: { HTTPS_PROXY: `http://user:proxy-secret@${proxy.name}` },
  });
  daemon.secrets.add('proxy-secret');
  await daemon.addProvider('far', { api_base: provider.url });
  const key = await daemon.addKey('k');
  await daemon.reload();
  const { status, text } = await ask(daemon.url, key);
  assert.equal(status, 502);
  assert.match(
    text,
    /could not connect: the proxy 127\.0\.0\.1:\d+ wants another user or password/,
  );
  const tested = await daemon.cli(['provider', 'test', 'far']);
  assert.match(tested.stderr, new RegExp(`the proxy ${proxy.name} wants another user or password`));
  for (const each of [text, tested.stderr, tested.stdout]) {
    assert.doesNotMatch(each, /proxy-secret/);
  }
  const refused = await daemon.cli(['provider', 'update', 'far', '--param', 'proxy=http://u:p@x']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /must have no user and password/);
  const bad = await daemon.cli(['keys', 'list'], { env: { HTTPS_PROXY: 'socks5://u:psecret@x' } });
  assert.match(bad.stderr, /HTTPS_PROXY: upstream\.https_proxy: .*socks5/);
  assert.doesNotMatch(bad.stderr, /psecret/);
});
