import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { checkServer, connect, describeDbUrl } from '../../src/db/client.js';
import { openDatabase } from '../../src/db/database.js';
import { parseDbUrl } from '../../src/db/db-url.js';
import { testDatabase } from '../support/postgres.js';

test('takes a URL apart as libpq does', () => {
  const tcp = parseDbUrl('postgresql://me:p%40ss:w@rd@db.example:6000/app?sslmode=disable');
  assert.deepEqual([tcp.hosts, tcp.ports, tcp.database], [['db.example'], [6000], 'app']);
  assert.deepEqual([tcp.user, tcp.password, tcp.ssl], ['me', 'p@ss:w@rd', false]);
  const socket = parseDbUrl('postgres:///llmproxy?host=/run/a%20b&user=llmproxy');
  assert.deepEqual([socket.hosts, socket.user, socket.ssl], [['/run/a b'], 'llmproxy', false]);
  assert.deepEqual(parseDbUrl('postgres://%2Frun%2Fpg/app').hosts, ['/run/pg']);
  const many = parseDbUrl('postgres://a:1,[::1]:2,c/app?sslmode=require');
  assert.deepEqual(
    [many.hosts, many.ports],
    [
      ['a', '::1', 'c'],
      [1, 2, 5432],
    ],
  );
  assert.equal(many.ssl, 'require');
  assert.equal(parseDbUrl('postgres://a/app').ssl, 'prefer');
});

test('describes a URL without user and password', () => {
  assert.equal(describeDbUrl('postgres://me:secret@db.example/app'), 'db.example:5432/app');
  assert.equal(describeDbUrl('postgres:///app?host=/run/pg'), '/run/pg:5432/app');
  assert.equal(describeDbUrl('mysql://me:secret@db'), 'an invalid database URL');
});

for (const url of [
  'me:secret@db',
  'postgres://me:secret@db:port/x',
  'postgres://me:%secret@db/x',
]) {
  test(`a malformed URL is refused without showing it (${url.slice(-6)})`, () => {
    assert.throws(
      () => connect(url),
      (error: Error) => !error.message.includes('secret'),
    );
  });
}

test('a server that cannot be used is named with the reason, and its password is not', async (t) => {
  const hangsUp = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  t.after(() => hangsUp.close());
  await once(hangsUp, 'listening');
  const { port } = hangsUp.address() as { port: number };
  const cases = [
    ['postgres://me:secret@127.0.0.1:1/app', /127\.0\.0\.1:1 .*app.*nothing listens/],
    ['postgres://me:secret@absent.invalid/app', /absent\.invalid:5432/],
    ['postgres:///app?host=/absent&password=secret', /\/absent:5432 .*no such socket/],
    [`postgres://me:secret@127.0.0.1:${port}/app?connect_timeout=1`, new RegExp(`:${port}`)],
  ] as const;
  for (const [dbUrl, expected] of cases) {
    const sql = connect(dbUrl);
    await assert.rejects(checkServer(sql, dbUrl, 1_000), (error: Error) => {
      assert.match(error.message, expected);
      assert.doesNotMatch(error.message, /secret|\n/);
      return true;
    });
    await sql.end({ timeout: 0 });
  }
});

test('a database that does not exist is named', async (t) => {
  const { dbUrl } = await testDatabase(t);
  const absent = dbUrl.replace(/test_\w+/, 'absent');
  await assert.rejects(
    openDatabase({ dbUrl: absent, dataDir: '/absent', owner: 'command' }),
    /5432\/absent: this database does not exist/,
  );
});

test('opens a database of the operator without touching a data directory', async (t) => {
  const { dbUrl } = await testDatabase(t);
  const database = await openDatabase({ dbUrl, dataDir: '/absent', owner: 'daemon' });
  const [row] =
    await database.sql`SELECT 9007199254740991::bigint AS big, '{"a":[1]}'::jsonb AS json`;
  assert.deepEqual(row, { big: Number.MAX_SAFE_INTEGER, json: { a: [1] } });
  assert.equal(database.embedded, false);
  await database.close();
});
