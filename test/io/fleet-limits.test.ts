import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { parseDbUrl } from '../../src/db/db-url.js';
import { askChat } from '../support/ask.js';
import type { DaemonOptions } from '../support/daemon.js';
import { atPort } from '../support/far-away.js';
import { testDatabase } from '../support/postgres.js';
import { startRelay } from '../support/relay.js';
import { until } from '../support/until.js';
import { noValkey, startValkey } from '../support/valkey.js';
import { flood, servedIn, startFleet } from './fleet-for-test.js';

const rate = 30;

/** The most that may be served in a span: the refill, a burst, and one that begins at its edge. */
function most(ms: number): number {
  return (ms / 1000) * rate + rate + 1;
}

async function withStore(t: TestContext, kind: 'postgres' | 'valkey'): Promise<DaemonOptions> {
  if (kind === 'postgres') return {};
  const { port } = await startValkey(t);
  return { env: { FLEET_VALKEY_URL: `redis://127.0.0.1:${port}` } };
}

for (const [kind, skip] of [
  ['postgres', false],
  ['valkey', noValkey],
] as const) {
  test(`${kind}: a rate limit holds over three daemons, is used, and outlives one`, {
    skip,
  }, async (t) => {
    const options = await withStore(t, kind);
    const { daemons } = await startFleet(t, [options, options, options]);
    const [first] = daemons;
    assert.ok(first);
    const key = await first.addKey('alice', { rate_limit: rate });
    for (const daemon of daemons) await daemon.reload();
    const floods = daemons.map((daemon) => flood(daemon, key));
    t.after(() => Promise.all(floods.map((each) => each.stop())));
    const startMs = performance.now();
    await pause(5_000);
    const middleMs = performance.now();
    const together = servedIn(floods, startMs, middleMs);
    assert.ok(together <= most(middleMs - startMs), `${together} in ${middleMs - startMs} ms`);
    const steady = servedIn(floods, startMs + 2_000, middleMs);
    const least = ((middleMs - startMs - 2_000) / 1000) * rate * 0.9;
    assert.ok(steady >= least, `${steady} of ${least}`);
    assert.ok(
      floods.every(({ served }) => served.length > 0),
      'each daemon serves some',
    );

    const [dying] = daemons;
    for (const pid of [dying?.pid ?? 0, ...(dying?.workerPids() ?? [])])
      process.kill(pid, 'SIGKILL');
    await floods[0]?.stop();
    await pause(3_000);
    const deadMs = performance.now();
    await pause(3_000);
    const endMs = performance.now();
    const after = servedIn(floods, deadMs, endMs);
    assert.ok(after >= ((endMs - deadMs) / 1000) * rate * 0.9, `${after} after a death`);
    const all = servedIn(floods, startMs, endMs);
    assert.ok(all <= most(endMs - startMs), `${all} in ${endMs - startMs} ms`);
    await Promise.all(floods.map((each) => each.stop()));
    assert.deepEqual(
      floods.slice(1).flatMap(({ others }) => others),
      [],
    );
  });

  test(`${kind}: concurrency and tokens a minute hold over all daemons`, { skip }, async (t) => {
    const options = await withStore(t, kind);
    const { daemons, database } = await startFleet(t, [options, options, options], 150);
    const [first] = daemons;
    assert.ok(first);
    const key = await first.addKey('alice');
    const limited = await first.addKey('bob');
    await database.sql`UPDATE credentials SET limits = '{"max_concurrency": 4}' WHERE name = 'alice'`;
    await database.sql`UPDATE credentials SET limits = '{"tokens_per_minute": 1000}' WHERE name = 'bob'`;
    for (const daemon of daemons) await daemon.reload();
    const floods = daemons.map((daemon) => flood(daemon, key, 6));
    t.after(() => Promise.all(floods.map((each) => each.stop())));
    await pause(3_000);
    await Promise.all(floods.map((each) => each.stop()));
    const starts = floods.flatMap(({ served }) => served).sort((a, b) => a - b);
    // Four at a time, 150 ms each: 26 a second.
    for (const [place, ms] of starts.entries()) {
      const within = starts.slice(place).filter((other) => other < ms + 140).length;
      assert.ok(within <= 4, `${within} at once`);
    }
    assert.ok(starts.length >= 3 * 26 * 0.5, `${starts.length} served`);

    const answers = await Promise.all(
      daemons.flatMap(({ url }) =>
        Array.from({ length: 60 }, () => askChat(url, limited, 'm', { max_tokens: 10 })),
      ),
    );
    const served = answers.filter(({ status }) => status === 200).length;
    // Each uses 20 tokens; a minute's refill is small beside the burst.
    assert.ok(served <= 1_000 / 20 + 15, `${served} served`);
    assert.ok(served >= 25, `${served} served`);
  });
}

test('a daemon that is cut off keeps to its share, and others leave it that', async (t) => {
  const database = await testDatabase(t);
  const [host] = parseDbUrl(database.dbUrl).hosts;
  const target = host?.host.startsWith('/')
    ? `${host.host}/.s.PGSQL.${host.port}`
    : (host?.port ?? 0);
  const relay = await startRelay(t, target);
  const far = { dbUrl: atPort(database.dbUrl, relay.port), sql: database.sql };
  const { daemons } = await startFleet(t, [{ database }, { database }, { database: far }]);
  const [first, , cut] = daemons;
  assert.ok(first && cut);
  const key = await first.addKey('alice', { rate_limit: rate });
  for (const daemon of daemons) await daemon.reload();
  const floods = daemons.map((daemon) => flood(daemon, key));
  t.after(() => Promise.all(floods.map((each) => each.stop())));
  const startMs = performance.now();
  await pause(2_000);
  relay.cut();
  await cut.waitFor('limits_failing');
  await pause(3_000);
  const cutMs = performance.now();
  await pause(3_000);
  const joinMs = performance.now();
  const alone = servedIn(floods.slice(2), cutMs, joinMs) / ((joinMs - cutMs) / 1000);
  assert.ok(alone <= rate / 3 + 1 && alone >= (rate / 3) * 0.7, `${alone} a second while cut off`);
  const others = servedIn(floods.slice(0, 2), cutMs, joinMs) / ((joinMs - cutMs) / 1000);
  assert.ok(others <= (2 * rate) / 3 + 1 && others >= rate / 2, `${others} a second of the others`);
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

test('valkey: by TLS and as a user, and over its restart', { skip: noValkey }, async (t) => {
  const { first: certificate } = await import('../server/certificates.js');
  assert.ok(certificate.cert);
  const valkey = await startValkey(t, ['--user', 'gateway on >secret ~* &* +@all']);
  const env = { FLEET_VALKEY_URL: `valkey://gateway:secret@127.0.0.1:${valkey.port}` };
  const { daemons } = await startFleet(t, [{ env }, { env }]);
  const [one, two] = daemons;
  assert.ok(one && two);
  one.secrets.add('gateway:secret');
  const key = await one.addKey('alice', { rate_limit: rate });
  for (const daemon of daemons) await daemon.reload();
  const floods = daemons.map((daemon) => flood(daemon, key));
  t.after(() => Promise.all(floods.map((each) => each.stop())));
  const startMs = performance.now();
  await pause(1_500);
  await valkey.stop();
  await one.waitFor('limits_failing');
  await pause(4_000);
  await valkey.start();
  await one.waitFor('limits_working');
  await pause(2_000);
  const endMs = performance.now();
  await Promise.all(floods.map((each) => each.stop()));
  const all = servedIn(floods, startMs, endMs);
  assert.ok(all <= most(endMs - startMs), `${all} in ${endMs - startMs} ms`);
  assert.ok(all >= ((endMs - startMs) / 1000) * rate * 0.5, `${all} served`);
  await until('both', async () =>
    (await one.cli(['fleet'])).stdout.includes('2 of 2 daemons live'),
  );
});
