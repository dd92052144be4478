import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, bearer } from '../support/ask.js';
import { startDaemon } from '../support/daemon.js';
import { freePort } from '../support/free-port.js';
import { testDirectory } from '../support/postgres.js';

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
