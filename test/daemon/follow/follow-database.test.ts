import assert from 'node:assert/strict';
import { test } from 'node:test';
import { followDatabase } from '../../../src/daemon/follow/follow-database.js';
import { Store } from '../../../src/daemon/store.js';
import { parseDbUrl } from '../../../src/db/db-url.js';
import { atPort } from '../../support/far-away.js';
import { testDatabase, testDirectory } from '../../support/postgres.js';
import { startRelay } from '../../support/relay.js';
import { until } from '../../support/until.js';

test('a poll that fails late, on connections replaced since, does not take the database for down', async (t) => {
  const { dbUrl, sql } = await testDatabase(t);
  const { hosts } = parseDbUrl(dbUrl);
  const { host = '', port = 0 } = hosts[0] ?? {};
  const relay = await startRelay(t, host.startsWith('/') ? `${host}/.s.PGSQL.${port}` : port);
  const relayed = atPort(dbUrl, relay.port);
  const store = new Store({ dbUrl: relayed, dataDir: testDirectory() }, () => {});
  t.after(() => store.close());
  await store.open();
  const states: string[] = [];
  let reads = 0;
  const follower = followDatabase({
    store,
    listenUrl: dbUrl,
    mark: (whole) => {
      if (whole) reads++;
    },
    onMessage: () => {},
    knownVersion: () => 0,
    renew: () => {},
    onState: (state) => states.push(state),
    emit: () => {},
  });
  t.after(() => follower.close());
  await until('LISTEN', () => states.includes('up'));
  const loseListener = () => sql`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'llmproxy listener' AND datname = current_database()`;

  relay.stall();
  await loseListener();
  await until('a poll without an answer', () => relay.stalled.size > 0);
  relay.join();
  const before = reads;
  await loseListener();
  await until('a poll with an answer', () => reads > before + 1);
  await until('the end of the first poll', () => relay.stalled.size === 0);
  // It has failed by now, or does so with its deadline.
  await follower.close();
  assert.deepEqual(states, ['up']);
});
