import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { activate } from '../../../src/cli/daemon/activate.js';
import { type Ask, askControlSocket } from '../../../src/cli/daemon/control-socket.js';
import { temporaryFolder } from '../llmproxy.js';

const at =
  (dataDir: string, adminKey: string | null): Ask =>
  (request) =>
    askControlSocket({ dataDir, adminKey }, request);

test('without a daemon a change is only saved', async (t) => {
  const dataDir = temporaryFolder(t);
  for (const key of ['k', null]) {
    const outcome = await activate({ ask: at(dataDir, key), minVersion: 1 });
    assert.deepEqual(outcome, { state: 'no-daemon' });
  }
});

test('it asks the daemon with the key of its data directory and waits for the answer', async (t) => {
  const requests: unknown[] = [];
  const fleet = { daemons: 2, confirmed: 1, missing: ['other'] };
  const dataDir = await listen(t, (request, response) => {
    requests.push([request.method, request.url, request.headers.authorization]);
    const isReload = request.method === 'POST';
    response.end(JSON.stringify(isReload ? { version: 7, unusable_providers: ['a'] } : fleet));
  });
  writeFileSync(join(dataDir, 'admin-key'), 'the-admin-key\n');
  const outcome = await activate({ ask: at(dataDir, null), minVersion: 7 });
  assert.deepEqual(outcome, { state: 'active', version: 7, unusable: ['a'], fleet });
  assert.deepEqual(requests, [
    ['POST', '/admin/v1/config/reload', 'Bearer the-admin-key'],
    ['GET', '/admin/v1/fleet/confirm?version=7', 'Bearer the-admin-key'],
  ]);
});

test('a refused configuration is reported in the words of the daemon', async (t) => {
  const dataDir = await listen(t, (_, response) => {
    response.statusCode = 409;
    response.end('{"error":{"message":"providers.a.weight: must be at least 0"}}');
  });
  assert.deepEqual(await activate({ ask: at(dataDir, 'k'), minVersion: 1 }), {
    state: 'unconfirmed',
    reason: 'the daemon refuses it: providers.a.weight: must be at least 0',
  });
});

test('a daemon that is starting does not refuse a change: it takes it by itself', async (t) => {
  const dataDir = await listen(t, (_, response) => {
    response.statusCode = 503;
    response.end('{"error":{"message":"The daemon is starting."}}');
  });
  assert.deepEqual(await activate({ ask: at(dataDir, 'k'), minVersion: 1 }), {
    state: 'unconfirmed',
    reason: 'the daemon does not use it yet: The daemon is starting.',
  });
});

test('an answer about another change is ignored', async (t) => {
  const dataDir = await listen(t, (_, response) => response.end('{"version":3}'));
  const outcome = await activate({ ask: at(dataDir, 'k'), minVersion: 7 });
  assert.equal(outcome.state, 'unconfirmed');
  const broken = await listen(t, (_, response) => response.end('not JSON'));
  const second = await activate({ ask: at(broken, 'k'), minVersion: 7 });
  assert.equal(second.state, 'unconfirmed');
});

test('the wait for a daemon that does not answer is bounded', async (t) => {
  const silent = await listen(t, () => {});
  const slow = await listen(t, (_, response) => response.write('{'));
  for (const dataDir of [silent, slow]) {
    const outcome = await activate({ ask: at(dataDir, 'k'), minVersion: 7, timeoutMs: 50 });
    assert.deepEqual(outcome, {
      state: 'unconfirmed',
      reason: 'the daemon has not confirmed it within 0.05 s',
    });
  }
});

/** A data directory with this server on its control socket. */
async function listen(t: TestContext, answer: RequestListener): Promise<string> {
  const dataDir = temporaryFolder(t);
  const server = createServer(answer);
  await new Promise<void>((resolve) => {
    server.listen(join(dataDir, 'control.sock'), resolve);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return dataDir;
}
