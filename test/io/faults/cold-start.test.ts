import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hashKey } from '../../../src/config/secrets/credential-key.js';
import { parseDbUrl } from '../../../src/db/db-url.js';
import { ask, askChat, bearer } from '../../support/ask.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { atPort } from '../../support/far-away.js';
import { allAnswer, startNamedUpstream, whoAnswers } from '../../support/gateway.js';
import { testDatabase } from '../../support/postgres.js';
import { until } from '../../support/until.js';

test('without its database the daemon starts from saved rows, and follows the database again later', async (t) => {
  const database = await gatedDatabase(t);
  const first = await startDaemon(t, { database });
  const upstream = await startNamedUpstream(t, 'p');
  await first.addProvider('p', { api_base: upstream.url });
  const key = await first.addKey('alice');
  await first.reload();
  assert.equal(await whoAnswers(first, key), 'p');
  assert.equal(await first.stop(), 0);
  const kept = readFileSync(join(first.dataDir, 'last-good'));
  for (const secret of first.secrets) assert.ok(!kept.includes(secret));
  assert.ok(!kept.includes(hashKey(key)));

  database.gate.shut();
  const { home } = first;
  const daemon = await startDaemon(t, { database, home, workers: 2 });
  const told = await daemon.waitFor('started_without_database');
  assert.equal(told.level, 'error');
  assert.equal(await whoAnswers(daemon, key), 'p');
  assert.equal((await askChat(daemon.url, 'sk-unknown', 'm')).status, 401);
  assert.equal(await adminStatus(daemon, { name: 'bob' }), 503);
  await database.sql`
    UPDATE credentials SET is_enabled = false WHERE credential_key = ${hashKey(key)}`;

  database.gate.open();
  await until('the change made meanwhile', () => allAnswer(daemon, key, 401), 15_000);
  assert.equal(await adminStatus(daemon, { name: 'bob' }), 201);
  await until('the rows of usage', async () => {
    const rows = await database.sql`SELECT status FROM request_logs WHERE provider = 'p'`;
    return rows.length >= 2;
  });
});

test('half-open connections are detected within 30 s and replaced', async (t) => {
  const database = await gatedDatabase(t);
  const daemon = await startDaemon(t, { database });
  const upstream = await startNamedUpstream(t, 'p');
  await daemon.addProvider('p', { api_base: upstream.url });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  database.gate.swallow();
  const startMs = performance.now();
  await database.sql`
    UPDATE credentials SET is_enabled = false WHERE credential_key = ${hashKey(key)}`;
  await until('the change', () => allAnswer(daemon, key, 401), 35_000);
  const tookMs = performance.now() - startMs;
  t.diagnostic(`noticed after ${Math.round(tookMs)} ms`);
  assert.equal(await adminStatus(daemon, { name: 'bob' }), 201);
});

test('a database that stops answering is reported as down in seconds, and as up again after it', async (t) => {
  const database = await gatedDatabase(t);
  const daemon = await startDaemon(t, { database });
  const says = async (state: string, metric: number) => {
    const headers = bearer(daemon.adminKey);
    const health = await ask(`${daemon.url}/health`, { headers });
    const metrics = await ask(`${daemon.url}/metrics`, { headers });
    const up = new RegExp(`^llm_proxy_database_up ${metric}$`, 'm');
    return JSON.parse(health.text).database === state && up.test(metrics.text);
  };
  await until('it is up', () => says('up', 1));
  database.gate.stall();
  await until('it is down', () => says('down', 0), 12_000);
  const lost = await daemon.waitFor('database_lost');
  assert.match(String(lost.message), /does not answer/);
  database.gate.open();
  await until('it is up again', () => says('up', 1), 15_000);
});

test('without notifications, the database is polled for changes', async (t) => {
  const env = { DB_LISTEN_URL: 'postgres://nobody@127.0.0.1:1/nowhere' };
  const daemon = await startDaemon(t, { env });
  const upstream = await startNamedUpstream(t, 'p');
  await daemon.addProvider('p', { api_base: upstream.url });
  const key = await daemon.addKey('alice');
  await until('the key', () => allAnswer(daemon, key, 200));
  await daemon.waitFor('database_polled');
});

async function adminStatus({ url, adminKey }: Daemon, body: object): Promise<number> {
  const { status } = await ask(`${url}/admin/v1/credentials`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return status;
}

/** A fresh database behind a gate: `sql` reaches it at all times, `dbUrl` only through the gate. */
async function gatedDatabase(t: TestContext) {
  const { dbUrl, sql } = await testDatabase(t);
  const { hosts } = parseDbUrl(dbUrl);
  const pairs = new Set<[Socket, Socket]>();
  let isOpen = true;
  let isStalled = false;
  const server = createServer((client) => {
    if (!isOpen) return client.destroy();
    if (isStalled) return client.on('error', () => {}).resume();
    const target = connect(`${hosts[0]?.host}/.s.PGSQL.${hosts[0]?.port}`);
    const pair: [Socket, Socket] = [client, target];
    pairs.add(pair);
    for (const socket of pair) socket.on('error', () => {});
    client.pipe(target).pipe(client);
    client.on('close', () => target.destroy());
    target.on('close', () => client.destroy());
    return client.once('close', () => pairs.delete(pair));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const cut = () => {
    for (const [client] of pairs) client.destroy();
  };
  t.after(() => {
    cut();
    server.close();
  });
  return {
    dbUrl: atPort(dbUrl, port),
    sql,
    gate: {
      shut() {
        isOpen = false;
        cut();
      },
      open() {
        isOpen = true;
        isStalled = false;
      },
      /** Blocks existing connections without closing them; new ones work. */
      swallow,
      /** The same, and new ones get no answer either until it opens. */
      stall() {
        isStalled = true;
        swallow();
      },
    },
  };
  function swallow() {
    for (const [client, target] of pairs) {
      client.unpipe(target);
      target.unpipe(client);
      client.resume();
      target.resume();
    }
  }
}
