import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { startOwnServer, startStandby } from '../../support/own-server.js';
import { testDatabase } from '../../support/postgres.js';
import { until } from '../../support/until.js';
import { flood, getFrom, startFleet } from '../fleet/fleet-for-test.js';

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

test('daemons lose no row and no request when the primary is killed and the standby promoted', async (t) => {
  const primary = await startOwnServer(t);
  const standby = await startStandby(t, primary);
  // A row counts as stored once the standby has it too.
  await primary.sql`ALTER SYSTEM SET synchronous_standby_names = '*'`;
  await primary.sql`SELECT pg_reload_conf()`;
  await until('a synchronous standby', async () => {
    const [row] = await primary.sql`SELECT FROM pg_stat_replication WHERE sync_state = 'sync'`;
    return row !== undefined;
  });
  const hosts = `127.0.0.1:${primary.port},127.0.0.1:${standby.port}`;
  const database = { dbUrl: `postgres://llmproxy@${hosts}/postgres`, sql: primary.sql };
  const { daemons } = await startFleet(t, [{}, {}], 5, database);
  const [first] = daemons;
  assert.ok(first);
  const key = await first.addKey('alice');
  for (const daemon of daemons) await daemon.reload();
  const floods = daemons.map((daemon) => flood(daemon, key, 2, 20));
  t.after(() => Promise.all(floods.map((each) => each.stop())));
  const served = () => floods.reduce((sum, each) => sum + each.served.length, 0);
  await until('rows of requests', async () => {
    const [row] = await primary.sql`SELECT FROM request_logs LIMIT 1`;
    return row !== undefined && served() > 50;
  });
  primary.kill();
  const atLoss = served();
  await until('requests without a database', () => served() > atLoss + 50, 20_000);
  await standby.sql`SELECT pg_promote()`;
  for (const daemon of daemons) {
    await until(
      'the database',
      async () => JSON.parse((await getFrom(daemon, '/health')).text).database === 'up',
      30_000,
    );
  }
  const atReturn = served();
  await until('requests after the failover', () => served() > atReturn + 50);
  await Promise.all(floods.map((each) => each.stop()));
  assert.deepEqual(
    floods.flatMap(({ others, refused }) => [...others, ...refused]),
    [],
  );
  const counts = async () => {
    const [row] = await standby.sql`
      SELECT count(*)::int AS rows, count(DISTINCT request_id)::int AS requests FROM request_logs`;
    return row as { rows: number; requests: number };
  };
  await until('all rows', async () => (await counts()).requests >= served(), 30_000);
  assert.deepEqual(await counts(), { rows: served(), requests: served() });
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
