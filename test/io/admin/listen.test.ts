import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { first, second } from '../../server/certificates.js';
import { ask, bearer } from '../../support/ask.js';
import { spawnServe, startDaemon } from '../../support/daemon.js';
import { freePort } from '../../support/free-port.js';
import { testDirectory } from '../../support/postgres.js';

test('a listener of its own takes the admin API away from the main port', async (t) => {
  const port = await freePort();
  const daemon = await startDaemon(t, { settings: { admin: { listen: `127.0.0.1:${port}` } } });
  const headers = bearer(daemon.adminKey);
  const own = `http://127.0.0.1:${port}`;

  const main = await ask(`${daemon.url}/admin/v1/config/version`, { headers });
  assert.equal(main.status, 404);
  assert.equal(JSON.parse(main.text).error.code, 'unknown_url');
  assert.equal((await ask(`${daemon.url}/openapi.json`)).status, 200);

  const answered = await ask(`${own}/admin/v1/config/version`, {
    headers: { ...headers, 'x-request-id': 'mine' },
  });
  assert.equal(answered.status, 200);
  assert.equal(answered.headers['x-request-id'], 'mine');
  // It closes no idle connection that a client might just use, so it names no time.
  const kept = await fetch(`${own}/admin/v1/config/version`, { headers });
  assert.equal(kept.headers.get('connection'), 'keep-alive');
  assert.equal(kept.headers.get('keep-alive'), null);
  await kept.text();
  assert.equal((await ask(`${own}/admin/v1/config/version`)).status, 401);
  assert.equal((await ask(`${own}/docs`)).status, 200);

  const large = await ask(`${own}/admin/v1/credentials`, {
    method: 'POST',
    headers: { ...headers, 'transfer-encoding': 'chunked' },
    body: JSON.stringify({ name: 'x'.repeat(1_100_000) }),
  });
  assert.equal(large.status, 413);
  const packed = await ask(`${own}/admin/v1/credentials`, {
    method: 'POST',
    headers: { ...headers, 'content-encoding': 'gzip' },
    body: 'x',
  });
  assert.equal(packed.status, 415);
});

test('a listener of its own may be a unix socket', async (t) => {
  const socketPath = join(testDirectory(), 'admin.sock');
  const daemon = await startDaemon(t, { settings: { admin: { listen: `unix:${socketPath}` } } });
  const status = await new Promise((resolve, reject) => {
    const path = '/admin/v1/config/version';
    const headers = bearer(daemon.adminKey);
    request({ socketPath, path, headers }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end();
  });
  assert.equal(status, 200);
});

test('a listener of its own speaks TLS, asks for certificates of clients, and renews its own', async (t) => {
  const [home, port] = [testDirectory(), await freePort()];
  const files = {
    cert: join(home, 'tls.crt'),
    key: join(home, 'tls.key'),
    client_ca: join(home, 'ca'),
  };
  const write = (own: { cert: string; key: string }) => {
    writeFileSync(files.cert, own.cert);
    writeFileSync(files.key, own.key);
  };
  write(first);
  writeFileSync(files.client_ca, second.cert);
  const admin = { listen: `127.0.0.1:${port}`, tls: files };
  const daemon = await startDaemon(t, { settings: { admin } });
  const status = (ca: string, servername: string, client: object = second) =>
    new Promise<number | undefined>((resolve, reject) => {
      const path = '/admin/v1/config/version';
      const headers = bearer(daemon.adminKey);
      const options = { port, path, headers, agent: false, ca, servername, ...client };
      secureRequest(options, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
  assert.equal(await status(first.cert, 'first'), 200);
  await assert.rejects(status(first.cert, 'first', {}), 'without a certificate');
  await assert.rejects(status(first.cert, 'first', first), 'with one of another authority');
  await assert.rejects(ask(`http://127.0.0.1:${port}/health`), 'without TLS');

  writeFileSync(files.cert, 'nonsense');
  daemon.kill('SIGHUP');
  const { message } = await daemon.waitFor('certificate_rejected');
  assert.match(message, /admin\.tls: .+tls\.crt and .+tls\.key cannot be used/);
  assert.equal(await status(first.cert, 'first'), 200);

  write(second);
  daemon.kill('SIGHUP');
  assert.equal((await daemon.waitFor('certificate_renewed')).setting, 'admin.tls');
  assert.equal(await status(second.cert, 'second'), 200);
  await assert.rejects(status(first.cert, 'first'), 'the old one is gone');
});

test('a certificate of the admin listener that cannot be read stops the start by name', async (t) => {
  const tls = { cert: '/nowhere/tls.crt', key: '/nowhere/tls.key' };
  const settings = { admin: { listen: `127.0.0.1:${await freePort()}`, tls } };
  const daemon = await spawnServe(t, { settings });
  assert.equal((await daemon.exited).code, 1);
  assert.match(daemon.output(), /admin\.tls\.cert: \/nowhere\/tls\.crt cannot be read \(ENOENT\)/);
});
