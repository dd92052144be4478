import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseHost } from '../../src/db/choose-host.js';
import { connect } from '../../src/db/client.js';
import { openDatabase } from '../../src/db/database.js';
import { startOwnServer, startStandby } from '../support/own-server.js';
import { until } from '../support/until.js';

test('the host that takes writes is used, and another when that changes', async (t) => {
  const primary = await startOwnServer(t);
  const standby = await startStandby(t, primary);
  const both = `postgres://llmproxy@127.0.0.1:${standby.port},127.0.0.1:${primary.port}/postgres`;
  assert.equal((await chooseHost(both)).port, primary.port);
  assert.equal((await chooseHost(`${both}?target_session_attrs=any`)).port, standby.port);
  await assert.rejects(
    openDatabase({ dbUrl: standby.dbUrl, dataDir: '/absent', owner: 'command' }),
    /read-only standby/,
  );

  const database = await openDatabase({ dbUrl: both, dataDir: '/absent', owner: 'daemon' });
  t.after(() => database.close());
  const write = () => database.sql`CREATE TABLE IF NOT EXISTS written ()`;
  await write();
  await primary.stop();
  await standby.sql`SELECT pg_promote()`;
  await until('a write at the new primary', async () => {
    database.renew();
    await write();
    return true;
  });
  const [at] = await database.sql`SELECT inet_server_port() AS port`;
  assert.equal(at?.port, standby.port);
});

test('unusable hosts are all named, each with its reason', async (t) => {
  const primary = await startOwnServer(t);
  const standby = await startStandby(t, primary);
  await assert.rejects(
    chooseHost(`postgres://llmproxy:secret@127.0.0.1:1,127.0.0.1:${standby.port}/postgres`),
    (error: Error) => {
      assert.match(error.message, /127\.0\.0\.1:1: nothing listens/);
      assert.match(error.message, new RegExp(`127.0.0.1:${standby.port}: it is read-only`));
      assert.doesNotMatch(error.message, /secret/);
      return true;
    },
  );
});

test('connections to a server that has become a standby are replaced', async (t) => {
  const server = await startOwnServer(t);
  const database = await openDatabase({ dbUrl: server.dbUrl, dataDir: '/absent', owner: 'daemon' });
  t.after(() => database.close());
  const { sql } = database;
  await sql`SELECT 1`;
  await server.becomeStandby();
  await until('a read', () => database.sql`SELECT 1`.then(() => true));
  await until('other connections', () => database.sql !== sql);
});

test('a role with three connections is enough for many queries at once', async (t) => {
  const server = await startOwnServer(t);
  await server.sql`CREATE ROLE few LOGIN CONNECTION LIMIT 3`;
  const dbUrl = server.dbUrl.replace('llmproxy@', 'few@');
  const database = await openDatabase({ dbUrl, dataDir: '/absent', owner: 'daemon' });
  t.after(() => database.close());
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => database.sql`SELECT ${n}::int AS n, pg_sleep(0.02)`),
  );
  assert.deepEqual(
    answers.map(([row]) => row?.n),
    Array.from({ length: 20 }, (_, n) => n),
  );
  // One is left for reports, and one to LISTEN.
  const listener = connect(dbUrl, { max: 1 });
  t.after(() => listener.end({ timeout: 1 }));
  await Promise.all([listener`SELECT 1`, database.reports`SELECT 1`, database.sql`SELECT 1`]);
});

test('the error says so when no connection becomes free', async (t) => {
  const server = await startOwnServer(t);
  await server.sql`CREATE ROLE crowded LOGIN CONNECTION LIMIT 0`;
  const dbUrl = server.dbUrl.replace('llmproxy@', 'crowded@');
  await assert.rejects(
    openDatabase({ dbUrl, dataDir: '/absent', owner: 'command' }),
    /no connection left for us.*database\.pool_size/,
  );
});
