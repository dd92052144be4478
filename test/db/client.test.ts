import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { checkServer, connect, describeDbUrl } from '../../src/db/client.js';
import { openDatabase } from '../../src/db/database.js';
import { type DbAddress, parseDbUrl } from '../../src/db/db-url.js';
import { reasonOf } from '../../src/db/explain-error.js';
import { testDatabase } from '../support/postgres.js';

test('takes a URL apart as libpq does', () => {
  const tcp = parseDbUrl('postgresql://me:p%40ss:w@rd@db.example:6000/app?sslmode=disable');
  assert.deepEqual([tcp.hosts, tcp.database], [[{ host: 'db.example', port: 6000 }], 'app']);
  assert.deepEqual([tcp.user, tcp.password, tcp.tls], ['me', 'p@ss:w@rd', false]);
  const socket = parseDbUrl('postgres:///llmproxy?host=/run/a%20b&user=llmproxy');
  assert.deepEqual(socket.hosts, [{ host: '/run/a b', port: 5432 }]);
  assert.deepEqual([socket.user, socket.tls], ['llmproxy', false]);
  assert.equal(parseDbUrl('postgres://%2Frun%2Fpg/app').hosts[0]?.host, '/run/pg');
  const many = parseDbUrl('postgres://a:1,[::1]:2,c/app?sslmode=require');
  assert.deepEqual(hostsOf(many), ['a 1', '::1 2', 'c 5432']);
  assert.deepEqual(many.tls, { verifies: 'nothing', rejectUnauthorized: false });
  assert.equal(parseDbUrl('postgres://a/app').tls, 'prefer');
  const listed = parseDbUrl('postgres:///app?host=a,::1&port=6001,6002');
  assert.deepEqual(hostsOf(listed), ['a 6001', '::1 6002']);
  assert.deepEqual(hostsOf(parseDbUrl('postgres://a,b/app?port=7000')), ['a 7000', 'b 7000']);
  assert.equal(parseDbUrl('postgres://a/app?password=a+b%2B').password, 'a+b+');
  assert.equal(parseDbUrl('postgres://u:a+b#c@a/app').password, 'a+b#c');
  const quiet = parseDbUrl('postgres://a/app?keepalives=0&application_name=x&connect_timeout=3');
  assert.deepEqual(
    [quiet.keepAliveSeconds, quiet.applicationName, quiet.connectTimeoutSeconds],
    [null, 'x', 3],
  );
  assert.equal(parseDbUrl('postgres://a/app').keepAliveSeconds, 30);
  assert.equal(parseDbUrl('postgres://a/app?keepalives_idle=7').keepAliveSeconds, 7);
  assert.equal(parseDbUrl('postgres://a,b/app').target, 'read-write');
  assert.equal(parseDbUrl('postgres://a,b/app?target_session_attrs=any').target, 'any');
  assert.equal(
    parseDbUrl('postgres://a/app?sslmode=require&sslnegotiation=direct').directTls,
    true,
  );
});

for (const [query, expected] of [
  ['schema=app', /"schema".*search_path/],
  ['sslmod=require', /"sslmod".*does not know/],
  ['sslmode=on', /"sslmode".*one of disable, allow/],
  ['sslmode=require&sslmode=disable', /"sslmode".*twice/],
  ['target_session_attrs=standby', /"target_session_attrs".*writes/],
  ['channel_binding=require', /"channel_binding".*verify-full/],
  ['connect_timeout=soon', /"connect_timeout".*whole number/],
  ['sslcert=/a&sslkey=/b', /sslcert.*no effect with sslmode=prefer/],
  ['sslmode=disable&sslrootcert=/a', /sslrootcert.*no effect with sslmode=disable/],
  ['sslmode=require&sslcert=/a', /only one of sslcert and sslkey/],
  ['sslmode=require&sslcert=/absent/c&sslkey=/absent/k', /Cannot read sslcert \/absent\/c/],
  ['connection_limit=3', /"connection_limit".*database\.pool_size/],
  ['host', /"host".*no value/],
  ['port=1,2', /1 host.*2 ports/],
] as const) {
  test(`the parameters ${query} are refused by name`, () => {
    assert.throws(() => connect(`postgres://me:secret@db/app?${query}`), expected);
  });
}

test('parameters without effect are accepted', () => {
  const query = 'channel_binding=prefer&client_encoding=UTF8&gssencmode=disable&sslsni=1';
  assert.equal(parseDbUrl(`postgres://db/app?${query}`).tls, 'prefer');
});

for (const [sign, code] of [
  ['/', '%2F'],
  ['?', '%3F'],
] as const) {
  test(`a password with ${sign} as it is: the message names it and its escape`, () => {
    for (const password of [`sec${sign}ret`, `12${sign}34`, `${sign}x`, `1@${sign}${sign}x`]) {
      const url = `postgres://me:${password}@db.example/app`;
      assert.throws(
        () => connect(url),
        (error: Error) => {
          assert.ok(error.message.includes(`"${sign}"`) && error.message.includes(code));
          assert.ok(!error.message.includes(password));
          return true;
        },
      );
      assert.equal(
        parseDbUrl(url.replace(password, encodeURIComponent(password))).password,
        password,
      );
    }
  });
}

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

function hostsOf({ hosts }: DbAddress): string[] {
  return hosts.map(({ host, port }) => `${host} ${port}`);
}

test('a missing right to create tables is explained with the statement that grants it', () => {
  const denied = new Error('permission denied for schema public');
  for (const [user, role] of [
    ['llm_1:pw@', 'llm_1'],
    ['Few@', '"Few"'],
    ['few-conns@', '"few-conns"'],
    ['a%22b@', '"a""b"'],
    ['', 'the role of DB_URL'],
  ] as const) {
    const reason = reasonOf(denied, `postgres://${user}db.example/app`);
    assert.ok(reason.endsWith(`run GRANT USAGE, CREATE ON SCHEMA public TO ${role}`), reason);
  }
});
