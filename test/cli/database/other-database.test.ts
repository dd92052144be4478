import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from '../../support/daemon.js';
import { testDatabase } from '../../support/postgres.js';

test('a command with another database than the running gateway is refused', async (t) => {
  const daemon = await startDaemon(t);
  const other = await testDatabase(t);
  for (const args of [
    ['keys', 'create', 'dead'],
    ['keys', 'list'],
    ['usage'],
    ['backup', '/nonexistent/x'],
  ]) {
    const outcome = await daemon.cli(args, { env: { DB_URL: other.dbUrl } });
    assert.equal(outcome.code, 1, args.join(' '));
    assert.match(
      outcome.stderr,
      /the gateway that runs here uses the database \S+\/test_\w+, this command \S+\/test_\w+\ngive it the same DB_URL/,
    );
    assert.equal(outcome.stdout, '');
  }
  const [row] = await other.sql`SELECT count(*)::int AS keys FROM credentials`;
  assert.equal(row?.keys, 0);
  const migrated = await daemon.cli(['migrate', 'up'], { env: { DB_URL: other.dbUrl } });
  assert.equal(migrated.code, 0, 'another database may be prepared');
});

test('the same database by another address is used', async (t) => {
  const daemon = await startDaemon(t);
  const dbUrl = `${daemon.dbUrl}`;
  const renamed = dbUrl.includes('?')
    ? `${dbUrl}&application_name=other`
    : `${dbUrl}?application_name=other`;
  const outcome = await daemon.cli(['keys', 'create', 'alice'], { env: { DB_URL: renamed } });
  assert.equal(outcome.code, 0, outcome.stderr);
});

test('a command with a database of its own is refused beside an embedded one, and the reverse', async (t) => {
  const embedded = await startDaemon(t, { database: 'embedded' });
  const { dbUrl } = await testDatabase(t);
  const outcome = await embedded.cli(['keys', 'list'], { env: { DB_URL: dbUrl } });
  assert.match(outcome.stderr, /uses its embedded database, this command was given another/);
  const external = await startDaemon(t);
  const without = await external.cli(['usage'], { env: { DB_URL: '' } });
  assert.match(without.stderr, /uses the database \S+, this command has none/);
});
