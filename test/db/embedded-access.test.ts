import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '../../src/db/client.js';
import { type Database, openDatabase } from '../../src/db/database.js';
import { identity, initdbAccount } from '../../src/db/embedded/account.js';
import { findBinaries } from '../../src/db/embedded/binaries.js';
import { makeSocketDirectory, preparePlace } from '../../src/db/embedded/place.js';
import { findPostmaster } from '../../src/db/embedded/postmaster.js';
import { supervise } from '../../src/db/embedded/supervisor.js';
import { startEmbedded } from '../../src/db/embedded.js';
import { migrateUp } from '../../src/db/migrate.js';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import {
  createRequestLogPartitions,
  dropRequestLogsBefore,
} from '../../src/db/queries/requests/request-log-partitions.js';
import { usageRow } from '../../src/observe/usage/usage-row.js';
import { finished } from '../observe/usage/finished.js';
import { testDirectory } from '../support/postgres.js';
import { nobody, withoutSecondUser } from '../support/second-user.js';
import { until } from '../support/until.js';

async function open(t: TestContext, dataDir: string): Promise<Database> {
  const database = await openDatabase({ dbUrl: null, dataDir, owner: 'daemon' });
  t.after(() => database.close());
  return database;
}

/** The code of PostgreSQL's refusal. */
async function refusal(url: string, query = 'SELECT 1'): Promise<string> {
  const sql = connect(url, { max: 1 });
  try {
    await sql.unsafe(query);
    return 'none';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

test('the embedded server asks every role for its generated password', async (t) => {
  const dataDir = testDirectory();
  const { dbUrl } = await open(t, dataDir);
  const passwords = join(dataDir, 'postgres/passwords');
  assert.equal(statSync(passwords).mode & 0o777, 0o600);
  const words = Object.values(JSON.parse(readFileSync(passwords, 'utf8')));
  assert.equal(new Set(words).size, 2);
  for (const word of words) assert.match(String(word), /^[\w-]{43}$/);
  assert.equal(await refusal(dbUrl), 'none');
  for (const role of ['llmproxy', 'llmproxy_daemon', 'postgres']) {
    const url = dbUrl.replace('user=llmproxy_daemon', `user=${role}`);
    assert.equal(await refusal(url.replace(/password=[\w-]+/, 'password=wrong')), '28P01', role);
    assert.notEqual(await refusal(url.replace(/&password=[\w-]+/, '')), 'none', role);
  }
  const other = dbUrl.replace('user=llmproxy_daemon', 'user=llmproxy');
  assert.equal(await refusal(other), '28P01', 'each has a password of its own');
});

test('the daemon works as a role that may do what it does, and no more', async (t) => {
  const database = await open(t, testDirectory());
  await database.asOwner(migrateUp);
  const { sql, dbUrl } = database;
  const [role] = await sql`
    SELECT current_user AS name, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
    FROM pg_roles WHERE rolname = current_user`;
  assert.deepEqual(role, {
    name: 'llmproxy_daemon',
    rolsuper: false,
    rolcreaterole: false,
    rolcreatedb: false,
    rolreplication: false,
    rolbypassrls: false,
  });
  await sql`SELECT set_config('temp_file_limit', '1GB', true)`;
  await sql`INSERT INTO providers (provider_key, api_base, api_key) VALUES ('a', 'http://a', 'k')`;
  await database.asOwner((owner) => createRequestLogPartitions(owner, ['2020-01-01']));
  const row = usageRow(finished({ startedAt: Date.parse('2020-01-01T12:00:00Z') }), null, null);
  await insertRequestLogs(sql, row ? [row] : []);
  assert.equal((await sql`SELECT FROM request_logs`).length, 1);
  const dropped = await database.asOwner((owner) => dropRequestLogsBefore(owner, '2020-01-02'));
  assert.deepEqual(dropped, ['request_logs_p20200101']);
  const [{ count } = { count: 0 }] = await sql`SELECT count(*) FROM audit_log`;
  assert.equal(count, 1);
  for (const query of [
    'UPDATE audit_log SET actor = actor',
    'DELETE FROM audit_log',
    'TRUNCATE audit_log',
    "INSERT INTO audit_log (actor, source, action, kind, object, row_id, version) VALUES ('x', 'x', 'x', 'x', 'x', 1, 1)",
    'ALTER TABLE audit_log DISABLE TRIGGER ALL',
    "SELECT setval(pg_get_serial_sequence('audit_log', 'id'), 1)",
    'DELETE FROM llmproxy_migrations',
    'ALTER TABLE providers DISABLE TRIGGER ALL',
    "SET session_replication_role = 'replica'",
    'CREATE OR REPLACE FUNCTION llmproxy_config_recorded() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$',
    // The owner's triggers and migrations would use functions that match better than PostgreSQL's
    // own.
    'CREATE FUNCTION cat(text[], text[]) RETURNS text[] LANGUAGE sql AS $$SELECT array_cat($1, $2)$$',
    'CREATE OPERATOR || (leftarg = text[], rightarg = text[], function = array_cat)',
    'CREATE TABLE mine (id integer)',
    'CREATE TRIGGER mine BEFORE INSERT ON request_logs FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'ALTER TABLE request_logs ADD COLUMN mine integer',
    ...['llmproxy_config_recorded', 'llmproxy_audit_chained'].map(
      (name) =>
        `CREATE TEMP TABLE mine (id integer);
         CREATE TRIGGER mine AFTER INSERT ON mine REFERENCING NEW TABLE AS new_rows
         FOR EACH STATEMENT EXECUTE FUNCTION ${name}()`,
    ),
    'CREATE ROLE mallory',
    'SET ROLE llmproxy',
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('/etc/passwd')",
    'SELECT rolpassword FROM pg_authid',
  ]) {
    assert.equal(await refusal(dbUrl, query), '42501', query);
  }
});

/** A cluster of the previous version: trust, no roles, run by a shared account. */
async function makeOldCluster(dataDir: string) {
  const place = preparePlace(dataDir);
  const binaries = await findBinaries(place.root, place.account);
  mkdirSync(place.data, { mode: 0o700 });
  const shared = initdbAccount(place.account);
  const owner = shared ? `${shared.uid}:${shared.gid}` : '';
  if (shared) spawnSync('chown', [owner, place.data]);
  const args = ['-D', place.data, '-U', 'llmproxy', '--auth=trust', '--no-sync', '--locale=C'];
  const options = { ...identity(shared), cwd: '/', env: { TZ: 'UTC' }, encoding: 'utf8' } as const;
  const made = spawnSync(binaries.initdb, args, options);
  assert.equal(made.status, 0, made.stderr);
  if (shared) spawnSync('chown', ['-R', `${nobody.uid}:${nobody.gid}`, place.data]);
  return { place, binaries, shared };
}

/** Starts it as the previous version did, and creates its database with a row. */
async function startOldServer(old: Awaited<ReturnType<typeof makeOldCluster>>) {
  const { place, binaries, shared } = old;
  const account = shared && { ...nobody };
  const socket = makeSocketDirectory({ ...place, account });
  if (account) chmodSync(place.root, 0o755);
  const settings = [`unix_socket_directories="${socket}"`, 'listen_addresses=', 'cluster_name='];
  settings.push(`cluster_name=llmproxy-command-${process.pid}-0`);
  const server = supervise(
    [binaries.postgres, '-D', place.data, ...settings.flatMap((each) => ['-c', each])],
    account,
  );
  while (findPostmaster(place.data)?.status !== 'ready') {
    assert.ok(!server.hasEnded(), server.logTail());
    await pause(10);
  }
  const url = `postgres:///postgres?host=${socket}&user=llmproxy`;
  assert.equal(await refusal(url, 'CREATE DATABASE llmproxy'), 'none');
  const sql = connect(url.replace('/postgres?', '/llmproxy?'), { max: 1 });
  await migrateUp(sql);
  await sql`INSERT INTO providers (provider_key, api_base, api_key) VALUES ('old', 'http://a', 'k')`;
  await sql`SELECT llmproxy_create_request_logs_partition('2020-01-01')`;
  await sql.end();
  return server;
}

test('data of an older version is upgraded at the next start without loss', async (t) => {
  const dataDir = testDirectory();
  const old = await makeOldCluster(dataDir);
  const server = await startOldServer(old);
  // A command that meets the old server, still running, can use it.
  const command = await openDatabase({ dbUrl: null, dataDir, owner: 'command' });
  assert.equal((await command.sql`SELECT FROM providers`).length, 1);
  await command.close();
  assert.ok(!existsSync(join(dataDir, 'postgres/passwords')));
  await server.stop('fast');

  const database = await open(t, dataDir);
  const { sql, dbUrl } = database;
  assert.deepEqual([...(await sql`SELECT provider_key FROM providers`)], [{ provider_key: 'old' }]);
  const dropped = await database.asOwner((owner) => dropRequestLogsBefore(owner, '2020-01-02'));
  assert.deepEqual(dropped, ['request_logs_p20200101']);
  assert.notEqual(await refusal(dbUrl.replace(/&password=[\w-]+/, '')), 'none');
  assert.equal(await refusal(dbUrl, 'DELETE FROM audit_log'), '42501');
  if (old.place.account) {
    assert.equal(statSync(old.place.data).uid, old.place.account.uid);
    assert.notEqual(statSync(old.place.data).uid, nobody.uid);
  }
});

test('an interrupted change to passwords is made up for at the next start', async () => {
  const dataDir = testDirectory();
  const first = await startEmbedded({ dataDir, owner: 'daemon' });
  await first.stop();
  rmSync(join(dataDir, 'postgres/passwords'));
  const second = await startEmbedded({ dataDir, owner: 'daemon' });
  assert.notEqual(second.dbUrl, first.dbUrl);
  assert.equal(await refusal(second.dbUrl), 'none');
  assert.equal(await refusal(second.daemonUrl), 'none');
  await second.stop();
});

test('passwords that do not match the data are named, and removing them is enough', async () => {
  const dataDir = testDirectory();
  await (await startEmbedded({ dataDir, owner: 'daemon' })).stop();
  const file = join(dataDir, 'postgres/passwords');
  writeFileSync(file, JSON.stringify({ llmproxy: 'a', llmproxy_daemon: 'b' }));
  await assert.rejects(
    startEmbedded({ dataDir, owner: 'daemon' }),
    /passwords are not those|remove .*passwords/,
  );
  rmSync(file);
  await (await startEmbedded({ dataDir, owner: 'daemon' })).stop();
});

test('root’s server has a user id that no other program has', {
  skip: withoutSecondUser,
}, async (t) => {
  const dataDir = testDirectory();
  await open(t, dataDir);
  const { uid, gid } = statSync(join(dataDir, 'postgres/data'));
  assert.ok(uid >= 60_578 && uid <= 61_183, String(uid));
  assert.doesNotMatch(readFileSync('/etc/passwd', 'utf8'), new RegExp(`:${uid}:`));
  const pid = findPostmaster(join(dataDir, 'postgres/data'))?.pid;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  assert.match(status, new RegExp(`^Uid:\t${uid}\t${uid}\t${uid}\t${uid}$`, 'm'));
  assert.match(status, new RegExp(`^Gid:\t${gid}\t${gid}\t${gid}\t${gid}$`, 'm'));
  for (const name of ['postgres/passwords', 'postgres/socket', 'postgres/data/PG_VERSION']) {
    const cat = spawnSync('/bin/ls', [join(dataDir, name)], {
      uid: nobody.uid,
      gid: nobody.gid,
      cwd: '/',
    });
    assert.notEqual(cat.status, 0, name);
  }
});

test('other processes of initdb’s user cannot enter while it works', {
  skip: withoutSecondUser,
}, async () => {
  const dataDir = testDirectory();
  const code = `
    const fs = require('node:fs');
    const root = ${JSON.stringify(join(dataDir, 'postgres'))};
    let seen = 0;
    const turn = () => {
      try { seen += fs.readdirSync(root).length; } catch {}
      for (const pid of fs.readdirSync('/proc').filter(Number)) {
        try {
          const cwd = fs.readlinkSync('/proc/' + pid + '/cwd');
          if (cwd.startsWith(root)) { seen++; fs.readdirSync('/proc/' + pid + '/cwd/'); }
        } catch {}
      }
      setImmediate(turn);
    };
    process.on('SIGTERM', () => { process.stdout.write(String(seen)); process.exit(0); });
    process.stdout.write('.');
    turn();`;
  const { uid, gid } = nobody;
  const spy = spawn(process.execPath, ['-e', code], { uid, gid, cwd: '/' });
  let out = '';
  spy.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  await until('the spy', () => out !== '');
  const server = await startEmbedded({ dataDir, owner: 'daemon' });
  await server.stop();
  spy.kill('SIGTERM');
  await new Promise((resolve) => spy.once('close', resolve));
  assert.equal(out, '.0');
});

for (const name of ['per%cent', '100%25', 'co:lon', 'com,ma', 'semi;colon', 'sp ace', 'quo"te']) {
  test(`works in a directory named ${name}`, async () => {
    const dataDir = join(testDirectory(), name);
    mkdirSync(dataDir);
    const server = await startEmbedded({ dataDir, owner: 'command' });
    assert.equal(await refusal(server.dbUrl), 'none');
    assert.equal(await refusal(server.daemonUrl), 'none');
    await server.stop();
  });
}
