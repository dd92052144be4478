import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { startOwnServer, startStandby } from '../../support/own-server.js';
import { testDatabase } from '../../support/postgres.js';
import { until } from '../../support/until.js';

test('after a failover, writes go to the other host of the database URL', async (t) => {
  const primary = await startOwnServer(t);
  const standby = await startStandby(t, primary);
  const dbUrl = `postgres://llmproxy@127.0.0.1:${standby.port},127.0.0.1:${primary.port}/postgres`;
  const daemon = await startDaemon(t, { database: { dbUrl, sql: primary.sql } });
  const headers = {
    authorization: `Bearer ${daemon.adminKey}`,
    'content-type': 'application/json',
  };
  const create = async (name: string) =>
    (
      await ask(`${daemon.url}/admin/v1/credentials`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ name }),
      })
    ).status;
  const health = async () => JSON.parse((await ask(`${daemon.url}/health`, { headers })).text);
  assert.equal(await create('alice'), 201);

  await primary.stop();
  await until('the loss', async () => (await health()).database === 'down', 20_000);
  await standby.sql`SELECT pg_promote()`;
  await until('a write', async () => (await create('bob')) === 201, 30_000);
  await until('health', async () => (await health()).database === 'up', 20_000);
});

test('a schema of a newer version is reported at the start and by commands', async (t) => {
  const database = await testDatabase(t);
  const newer = (compatible: number) => database.sql`
    INSERT INTO llmproxy_migrations (version, name, compatible_from)
    VALUES (9999, 'future', ${compatible})
    ON CONFLICT (version) DO UPDATE SET compatible_from = excluded.compatible_from`;
  await newer(1);
  const daemon = await startDaemon(t, { database });
  const told = await daemon.waitFor('schema_newer');
  assert.deepEqual([told.level, told.version], ['warn', 9999]);
  const listed = await daemon.cli(['usage']);
  assert.match(listed.stderr, /warning: a newer llmproxy has migrated .*9999, future/);
  assert.equal(listed.code, 0);
  await newer(9_999);
  const refused = await daemon.cli(['usage']);
  assert.match(refused.stderr, /may not work on it/);
  assert.equal(refused.code, 1);
  const { stdout } = await daemon.cli(['doctor', '--json']);
  assert.match(stdout, /a newer llmproxy has migrated the database \(9999, future\)/);
});
