import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Sql } from '../../../src/db/client.js';
import { parseDbUrl } from '../../../src/db/db-url.js';
import { atPort } from '../../support/far-away.js';
import { testDatabase } from '../../support/postgres.js';
import { startRelay } from '../../support/relay.js';
import { isRunning, until } from '../../support/until.js';
import { noValkey, startValkey } from '../../support/valkey.js';
import { flood, servedIn, startFleet, usedPart } from './fleet-for-test.js';

const rate = 30;

/** Leases and shares leave no more of a limit unused than the rest. */
const leastUsed = 0.85;

/** The most that may be served in a span: the refill, a burst, and one that begins at its edge. */
function most(ms: number): number {
  return (ms / 1000) * rate + rate + 1;
}

test('a rate limit holds over three daemons with two workers, one of which is killed', async (t) => {
  const { daemons } = await startFleet(t, [{}, {}, {}]);
  const [first] = daemons;
  assert.ok(first);
  const key = await first.addKey('alice', { rate_limit: rate });
  for (const daemon of daemons) await daemon.reload();
  const floods = daemons.map((daemon) => flood(daemon, key, 2, 20));
  t.after(() => Promise.all(floods.map((each) => each.stop())));
  const startMs = performance.now();
  await until('requests of each', () => floods.every(({ served }) => served.length > 5));
  await pause(3_000);
  const middleMs = performance.now();
  const together = servedIn(floods, startMs, middleMs);
  assert.ok(together <= most(middleMs - startMs), `${together} in ${middleMs - startMs} ms`);
  const used = usedPart(floods, rate, startMs, middleMs);
  assert.ok(used >= leastUsed, `${used} of the limit used`);
  assert.ok(floods.some(({ refused }) => refused.length > 0));

  for (const pid of [first.pid, ...first.workerPids()]) process.kill(pid, 'SIGKILL');
  await floods[0]?.stop();
  await pause(3_000);
  const deadMs = performance.now();
  await pause(3_000);
  const endMs = performance.now();
  const after = usedPart(floods, rate, deadMs, endMs);
  assert.ok(after >= leastUsed, `${after} of the limit used after a death`);
  const all = servedIn(floods, startMs, endMs);
  assert.ok(all <= most(endMs - startMs), `${all} in ${endMs - startMs} ms`);
  await Promise.all(floods.map((each) => each.stop()));
  assert.deepEqual(
    floods.slice(1).flatMap(({ others }) => others),
    [],
  );
});

test('the share of a daemon that died on another machine is free when its lease ends', async (t) => {
  const database = await testDatabase(t);
  await onOwnMachines(database.sql);
  const { daemons } = await startFleet(t, [{}, {}, {}], 5, database);
  const [first, second, third] = daemons;
  assert.ok(first && second && third);
  const key = await second.addKey('alice', { rate_limit: rate });
  for (const daemon of daemons) await daemon.reload();
  // Long enough for each to know where the others listen.
  await pause(5_000);
  for (const pid of [first.pid, ...first.workerPids()]) process.kill(pid, 'SIGKILL');
  await second.waitFor('daemon_gone');
  await until('leases without it', async () => {
    const rows = await database.sql`SELECT FROM limit_members`;
    return rows.length === 2;
  });
  const floods = [second, third].map((daemon) => flood(daemon, key, 4, 5));
  t.after(() => Promise.all(floods.map((each) => each.stop())));
  await pause(3_000);
  const fromMs = performance.now();
  await pause(3_000);
  const untilMs = performance.now();
  await Promise.all(floods.map((each) => each.stop()));
  const served = servedIn(floods, fromMs, untilMs);
  const seconds = (untilMs - fromMs) / 1000;
  // Without its share the others would have 20 a second.
  const used = usedPart(floods, rate, fromMs, untilMs);
  assert.ok(used >= leastUsed, `${used} of the limit used`);
  assert.ok(served <= most(untilMs - fromMs), `${served} in ${seconds} s`);
  const { daemons: shown } = JSON.parse((await second.cli(['fleet', '--json'])).stdout);
  const gone = shown.filter(({ state }: { state: string }) => state === 'gone');
  assert.deepEqual(
    gone.map(({ pid }: { pid: number }) => pid),
    [first.pid],
  );
});

test('workers whose control process died on another machine are left their share', async (t) => {
  const database = await testDatabase(t);
  await onOwnMachines(database.sql);
  const { daemons } = await startFleet(t, [{}, {}, {}], 5, database);
  const [first, second, third] = daemons;
  assert.ok(first && second && third);
  const key = await second.addKey('alice', { rate_limit: rate });
  for (const daemon of daemons) await daemon.reload();
  await pause(5_000);
  const orphans = first.workerPids();
  process.kill(first.pid, 'SIGKILL');
  t.after(() => {
    for (const pid of orphans) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
  });
  await pause(4_000);
  const floods = daemons.map((daemon) => flood(daemon, key, 2, 20));
  t.after(() => Promise.all(floods.map((each) => each.stop())));
  await pause(2_000);
  const fromMs = performance.now();
  await pause(3_000);
  const untilMs = performance.now();
  await Promise.all(floods.map((each) => each.stop()));
  assert.ok(servedIn(floods.slice(0, 1), fromMs, untilMs) > 0, 'orphans serve');
  const all = servedIn(floods, fromMs, untilMs);
  assert.ok(all <= most(untilMs - fromMs), `${all} in ${untilMs - fromMs} ms`);
  const members = () => database.sql`SELECT FROM limit_members`;
  assert.equal((await members()).length, 3, 'their share is left to them');
  for (const pid of orphans) process.kill(pid, 'SIGKILL');
  await until('leases without them', async () => (await members()).length === 2);
});

/** Makes the daemons of a database appear to run on different machines. */
async function onOwnMachines(sql: Sql): Promise<void> {
  await sql.unsafe(`
    CREATE FUNCTION own_machine() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN NEW.machine := NEW.id; RETURN NEW; END $$;
    CREATE TRIGGER own_machine BEFORE INSERT OR UPDATE ON daemons
      FOR EACH ROW EXECUTE FUNCTION own_machine()`);
}

test('a daemon that is cut off keeps to its share, and others leave it that', async (t) => {
  const database = await testDatabase(t);
  const [host] = parseDbUrl(database.dbUrl).hosts;
  const target = host?.host.startsWith('/')
    ? `${host.host}/.s.PGSQL.${host.port}`
    : (host?.port ?? 0);
  const relay = await startRelay(t, target);
  const far = { dbUrl: atPort(database.dbUrl, relay.port), sql: database.sql };
  const { daemons } = await startFleet(t, [{}, {}, { database: far }], 5, database);
  const [first, , cut] = daemons;
  assert.ok(first && cut);
  const key = await first.addKey('alice', { rate_limit: rate });
  for (const daemon of daemons) await daemon.reload();
  const floods = daemons.map((daemon) => flood(daemon, key, 2, 20));
  t.after(() => Promise.all(floods.map((each) => each.stop())));
  const startMs = performance.now();
  await pause(2_000);
  relay.cut();
  await cut.waitFor('limits_failing');
  await pause(3_000);
  const cutMs = performance.now();
  await pause(3_000);
  const joinMs = performance.now();
  for (const [some, parts] of [
    [floods.slice(2), 1],
    [floods.slice(0, 2), 2],
  ] as const) {
    const share = (parts * rate) / 3;
    const perSecond = servedIn(some, cutMs, joinMs) / ((joinMs - cutMs) / 1000);
    assert.ok(perSecond <= share + 1, `${perSecond} a second of ${parts} daemons`);
    const used = usedPart(some, share, cutMs, joinMs);
    assert.ok(used >= leastUsed, `${used} of the share of ${parts} daemons used`);
  }
  relay.join();
  await cut.waitFor('limits_working');
  await pause(2_000);
  const endMs = performance.now();
  const all = servedIn(floods, startMs, endMs);
  assert.ok(all <= most(endMs - startMs), `${all} in ${endMs - startMs} ms`);
  await Promise.all(floods.map((each) => each.stop()));
  assert.deepEqual(
    floods.flatMap(({ others: statuses }) => statuses),
    [],
  );
});

test('limits are leased from a Valkey, as a user, over its restart', {
  skip: noValkey,
}, async (t) => {
  const valkey = await startValkey(
    t,
    '--user gateway on >secret-word ~{llmproxy:* +@all'.split(' '),
  );
  const env = { FLEET_VALKEY_URL: `valkey://gateway:secret-word@127.0.0.1:${valkey.port}` };
  const { daemons } = await startFleet(t, [{ env }, { env }]);
  const [one, two] = daemons;
  assert.ok(one && two);
  one.secrets.add('secret-word');
  const key = await one.addKey('alice', { rate_limit: rate });
  for (const daemon of daemons) await daemon.reload();
  const floods = daemons.map((daemon) => flood(daemon, key, 2, 20));
  t.after(() => Promise.all(floods.map((each) => each.stop())));
  const startMs = performance.now();
  await until('requests of each', () => floods.every(({ served }) => served.length > 5));
  await pause(2_000);
  const used = usedPart(floods, rate, startMs, performance.now());
  assert.ok(used >= leastUsed, `${used} of the limit used`);
  await valkey.stop();
  await one.waitFor('limits_failing');
  await pause(4_000);
  await valkey.start();
  await one.waitFor('limits_working');
  await pause(1_000);
  const endMs = performance.now();
  await Promise.all(floods.map((each) => each.stop()));
  const all = servedIn(floods, startMs, endMs);
  assert.ok(all <= most(endMs - startMs), `${all} in ${endMs - startMs} ms`);
  const fleet = JSON.parse((await one.cli(['fleet', '--json'])).stdout);
  for (const each of fleet.daemons) assert.equal(each.limit_store, `127.0.0.1:${valkey.port}`);
});
