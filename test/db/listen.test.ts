import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { listenForChanges } from '../../src/db/listen.js';
import { testDatabase } from '../support/postgres.js';

test('a change by plain SQL of either table is noticed', async (t) => {
  const { dbUrl, sql } = await testDatabase(t);
  const events = listen(t, dbUrl);
  await once(events, 'change');
  const statements = [
    `INSERT INTO providers (provider_key, api_base, api_key) VALUES ('p', 'http://x', 's')`,
    `UPDATE providers SET weight = 3`,
    `DELETE FROM providers`,
    `INSERT INTO credentials (credential_key, name) VALUES ('hash', 'k')`,
    `TRUNCATE credentials`,
  ];
  for (const statement of statements) {
    const changed = once(events, 'change');
    await sql.unsafe(statement);
    await changed;
  }
});

test('a lost connection is reported, replaced, and assumed to have missed a change', async (t) => {
  const { dbUrl, sql } = await testDatabase(t);
  const events = listen(t, dbUrl);
  await once(events, 'change');
  const states = Promise.all([once(events, 'lost'), once(events, 'listening')]);
  const changed = once(events, 'change');
  await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'llmproxy listener' AND datname = current_database()`;
  await states;
  await changed;
  const again = once(events, 'change');
  await sql`UPDATE providers SET weight = 1`;
  await again;
});

test('a server that accepts connections but never answers is noticed', async (t) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  t.after(() => silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as { port: number };
  const events = listen(t, `postgres://u:pass-word@127.0.0.1:${port}/d?connect_timeout=1`);
  const [reason] = await once(events, 'lost');
  assert.match(reason, new RegExp(`127.0.0.1:${port}`));
  assert.doesNotMatch(reason, /pass-word/);
});

test('starts with the database down and can be closed', async (t) => {
  const events = listen(t, 'postgres://u@127.0.0.1:1/d');
  const [reason] = await once(events, 'lost');
  assert.match(reason, /127.0.0.1:1 .*nothing listens/);
});

function listen(t: TestContext, dbUrl: string): EventEmitter {
  const events = new EventEmitter();
  const listener = listenForChanges({
    dbUrl,
    heartbeatMs: 200,
    onChange: () => events.emit('change'),
    onState: (state, reason) => events.emit(state, reason),
  });
  t.after(() => listener.close());
  return events;
}
