import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AdminKey, adminAuthenticator } from '../../../src/admin/access/authenticate.js';
import { Guesses } from '../../../src/admin/access/guesses.js';
import { identify } from '../../../src/admin/session/identify.js';
import { Sessions } from '../../../src/admin/session/sessions.js';
import { SignInLinks } from '../../../src/admin/session/sign-in-links.js';
import type { Sql } from '../../../src/db/client.js';
import type { GatewayError } from '../../../src/errors.js';
import { testDatabase } from '../../support/postgres.js';

const deploy: AdminKey = {
  name: 'deploy',
  sha256: 'a'.repeat(64),
  role: 'operator',
  expiresAt: null,
};
const asDeploy = { actor: 'admin:deploy', role: 'operator', key: deploy } as const;
const noDatabase = (): Sql => {
  throw new Error('no database');
};

test('every daemon of the database knows a session, and it ends with its key', async (t) => {
  const { sql } = await testDatabase(t);
  const here = new Sessions([deploy], 60_000, () => sql);
  const { token, session } = await here.open(asDeploy);
  assert.equal(session.actor, 'admin:deploy');
  assert.match(session.csrfToken, /^[0-9a-f]{64}$/);

  const there = new Sessions([deploy], 60_000, () => sql);
  assert.deepEqual(await there.find(token), session);
  assert.equal(await there.find(`${token}x`), null);
  const stored = JSON.stringify(await sql`SELECT * FROM console_sessions`);
  for (const secret of [token, session.csrfToken, deploy.sha256]) {
    assert.ok(!stored.includes(secret), 'the database has nothing that signs in');
  }

  const replaced = { ...deploy, sha256: 'b'.repeat(64) };
  assert.equal(await new Sessions([replaced], 60_000, () => sql).find(token), null);
  const expired = { ...deploy, expiresAt: Date.now() - 1 };
  assert.equal(await new Sessions([expired], 60_000, () => sql).find(token), null);
  const demoted: AdminKey = { ...deploy, role: 'viewer' };
  assert.equal((await new Sessions([demoted], 60_000, () => sql).find(token))?.role, 'viewer');

  await here.close(session);
  assert.equal(await here.find(token), null);
  assert.equal(await new Sessions([deploy], 60_000, () => sql).find(token), null);
});

test('signing out everywhere ends the sessions of that person only', async (t) => {
  const { sql } = await testDatabase(t);
  const sessions = new Sessions([deploy], 60_000, () => sql);
  const [one, two] = [await sessions.open(asDeploy), await sessions.open(asDeploy)];
  const other = await sessions.open({ actor: 'oidc:eve', role: 'viewer', key: null });
  await sessions.closeAll('admin:deploy');
  assert.equal(await sessions.find(one.token), null);
  assert.equal(await sessions.find(two.token), null);
  assert.equal((await sessions.find(other.token))?.actor, 'oidc:eve');
  const withoutOidc = new Sessions([deploy], 60_000, () => sql, false);
  assert.equal(await withoutOidc.find(other.token), null, 'sign-in by OpenID is set up no more');
});

test('a session is over at its time, and no later than its key', async (t) => {
  const { sql } = await testDatabase(t);
  const sessions = new Sessions([deploy], 0, () => sql);
  const { token } = await sessions.open(asDeploy);
  assert.equal(await sessions.find(token), null);
  assert.equal(await new Sessions([deploy], 0, () => sql).find(token), null);

  const soon = { ...deploy, expiresAt: Date.now() + 1_000 };
  const long = new Sessions([soon], 3_600_000, () => sql);
  const { session } = await long.open({ ...asDeploy, key: soon });
  assert.equal(session.expiresAt, soon.expiresAt);
  await long.open({ actor: 'oidc:eve', role: 'viewer', key: null });
  const rows = await sql`SELECT count(*)::int AS count FROM console_sessions`;
  assert.equal(rows[0]?.count, 2, 'the expired one is removed');
});

test('without the database, people can sign in to the daemon that they reach', async () => {
  const sessions = new Sessions([deploy], 60_000, noDatabase);
  const { token, session } = await sessions.open(asDeploy);
  assert.deepEqual(await sessions.find(token), session);
  await assert.rejects(sessions.find('unknown'), /no database/);
  await sessions.close(session);
  await assert.rejects(sessions.find(token), /no database/);
});

test('a session that is known outlives the loss of the database', async (t) => {
  const { sql } = await testDatabase(t);
  let isAway = false;
  const sessions = new Sessions([deploy], 60_000, () => (isAway ? noDatabase() : sql));
  const { token, session } = await sessions.open(asDeploy);
  isAway = true;
  t.mock.method(performance, 'now', () => Number.MAX_SAFE_INTEGER);
  assert.deepEqual(await sessions.find(token), session);
});

test('queries for unknown sessions are bounded', async (t) => {
  const { sql } = await testDatabase(t);
  let asked = 0;
  const sessions = new Sessions([deploy], 60_000, () => {
    asked += 1;
    return sql;
  });
  const { token } = await sessions.open({ actor: 'admin:deploy', role: 'admin', key: deploy });
  const guesses = new Guesses(() => {});
  const identifying: Parameters<typeof identify>[0] = {
    authenticate: adminAuthenticator([deploy], guesses),
    guesses,
    sessions,
    links: new SignInLinks(),
  };
  const codeOf = async (cookie: string, address = '192.0.2.1', is = identifying) => {
    const headers = { cookie: `llmproxy_session=${cookie}` };
    const asking = { method: 'GET', headers, address, isSecure: false, signsIn: false };
    return await identify(is, asking).then(
      () => 'passed',
      (error: GatewayError) => error.code,
    );
  };
  asked = 0;
  for (let i = 0; i < 10; i++) assert.equal(await codeOf(`none-${i}`), 'invalid_api_key');
  for (let i = 0; i < 10; i++) assert.equal(await codeOf(`more-${i}`), 'rate_limit_exceeded');
  assert.equal(asked, 10);
  assert.equal(await codeOf(token), 'passed', 'a session in use passes all the same');
  assert.equal(await codeOf('none', '192.0.2.2'), 'invalid_api_key', 'another address');
  const off = { ...identifying, sessions: null };
  assert.equal(await codeOf(token, '192.0.2.3', off), 'missing_api_key', 'the console is off');
});

test('a person has a thousand sessions, and takes none from others', async (t) => {
  const { sql } = await testDatabase(t);
  const fill = (actor: string) => sql`
    INSERT INTO console_sessions (id, actor, role, expires_at)
    SELECT lpad(to_hex(n), 32, '0') || md5(${actor}), ${actor}, 'viewer', now() + n * interval '1 second'
    FROM generate_series(1, 1000) n`;
  await fill('oidc:many');
  await fill('oidc:other');
  const sessions = new Sessions([], 3_600_000, () => sql);
  const { token } = await sessions.open({ actor: 'oidc:many', role: 'viewer', key: null });
  const counts = await sql`
    SELECT actor, count(*)::int
    FROM console_sessions GROUP BY actor ORDER BY actor`;
  assert.deepEqual(
    counts.map(({ actor, count }) => [actor, count]),
    [
      ['oidc:many', 1_000],
      ['oidc:other', 1_000],
    ],
  );
  const elsewhere = new Sessions([], 3_600_000, () => sql);
  assert.equal((await elsewhere.find(token))?.actor, 'oidc:many');
});

test('ten thousand sessions are remembered without the database, the newest', async () => {
  const sessions = new Sessions([], 60_000, noDatabase);
  const person = { actor: 'oidc:many', role: 'viewer', key: null } as const;
  const first = await sessions.open(person);
  const second = await sessions.open(person);
  for (let n = 2; n < 10_001; n++) await sessions.open(person);
  await assert.rejects(sessions.find(first.token), /no database/);
  assert.equal((await sessions.find(second.token))?.actor, 'oidc:many');
});
