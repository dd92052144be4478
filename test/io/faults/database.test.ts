import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hashKey } from '../../../src/config/secrets/credential-key.js';
import { connect } from '../../../src/db/client.js';
import { startEmbedded } from '../../../src/db/embedded.js';
import { migrateUp } from '../../../src/db/migrate.js';
import { ask, askChat } from '../../support/ask.js';
import { type Daemon, postmasterPid, startDaemon } from '../../support/daemon.js';
import { allAnswer, startNamedUpstream } from '../../support/gateway.js';
import { assertNoneLost, loadOn, mockProcessForTest, more } from '../../support/load-for-test.js';
import { testDirectory } from '../../support/postgres.js';
import { isRunning, until } from '../../support/until.js';

/** A PostgreSQL for this test alone, restarted only by the test. */
async function ownPostgres(t: TestContext) {
  const dataDir = join(testDirectory(), 'server');
  mkdirSync(dataDir);
  let server = await startEmbedded({ dataDir, owner: 'daemon' });
  const { dbUrl } = server;
  t.after(() => server.stop());
  const sql = connect(dbUrl, { max: 2 });
  t.after(() => sql.end({ timeout: 1 }));
  await migrateUp(sql);
  return {
    dbUrl,
    sql,
    async kill() {
      const pid = postmasterPid(dataDir) ?? 0;
      process.kill(pid, 'SIGKILL');
      await until('its end', () => !isRunning(pid));
    },
    async start() {
      server = await startEmbedded({ dataDir, owner: 'daemon' });
    },
  };
}

async function adminStatus({ url, adminKey }: Daemon, method: string, body?: object) {
  const { status } = await ask(`${url}/admin/v1/credentials`, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return status;
}

test('Postgres is killed under load: every request is served, and changes wait for it', async (t) => {
  const postgres = await ownPostgres(t);
  const daemon = await startDaemon(t, { workers: 2, database: postgres });
  const mock = await mockProcessForTest(t, { latencyMs: 20 });
  await daemon.addProvider('p', { api_base: mock.url });
  const key = await daemon.addKey('alice');
  const revoked = await daemon.addKey('bob');
  await daemon.reload();
  const load = loadOn(t, daemon, key, { concurrency: 8, streams: 0.3, keepAlive: false });
  await more(load, 100);

  await postgres.kill();
  assert.equal(await adminStatus(daemon, 'POST', { name: 'carol' }), 503);
  await more(load, 400);
  assert.equal((await askChat(daemon.url, revoked, 'm')).status, 200);
  assert.equal((await askChat(daemon.url, 'sk-unknown', 'm')).status, 401);
  assert.equal((await ask(`${daemon.url}/health`)).status, 200);

  await postgres.start();
  await until('the database for the test', () => postgres.sql`SELECT 1`.then(() => true), 20_000);
  await postgres.sql`
    UPDATE credentials SET is_enabled = false WHERE credential_key = ${hashKey(revoked)}`;
  const backMs = performance.now();
  await until('the revoked key', () => allAnswer(daemon, revoked, 401), 35_000);
  t.diagnostic(`refused ${Math.round(performance.now() - backMs)} ms after Postgres was back`);
  await until('the admin API', async () => (await adminStatus(daemon, 'GET')) === 200);
  assertNoneLost(t, await load.stop(), 'over all of it');
});

test('a revoked key is refused by every worker within a second', async (t) => {
  const daemon = await startDaemon(t, { workers: 2 });
  const upstream = await startNamedUpstream(t, 'p');
  await daemon.addProvider('p', { api_base: upstream.url });
  const keys = await Promise.all(['a', 'b', 'c'].map((name) => daemon.addKey(name)));
  await daemon.reload();
  for (const key of keys) {
    assert.equal((await askChat(daemon.url, key, 'm')).status, 200);
    const startMs = performance.now();
    await daemon.sql`
      UPDATE credentials SET is_enabled = false WHERE credential_key = ${hashKey(key)}`;
    await until('the refusal', () => allAnswer(daemon, key, 401));
    t.diagnostic(`refused by all after ${Math.round(performance.now() - startMs)} ms`);
  }
});
