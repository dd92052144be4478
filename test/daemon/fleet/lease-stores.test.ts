import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from '@redis/client';
import { openLeaseStore } from '../../../src/daemon/fleet/lease-stores.js';
import type { Store } from '../../../src/daemon/store.js';
import {
  aloneAfterMs,
  type LeaseStore,
  lostAfterMs,
  type Wanted,
} from '../../../src/limits/lease-store.js';
import { certificate } from '../../support/certificate.js';
import { skipWithout } from '../../support/executable.js';
import { testDatabase } from '../../support/postgres.js';
import { until } from '../../support/until.js';
import { noValkey, startValkey } from '../../support/valkey.js';

const wanted = (fields: Partial<Wanted> = {}): Wanted => ({
  ...{ name: 'k', rate: 10, burst: 10, held: 0, returned: 0, owed: 0, want: 0, least: 1 },
  ...{ level: null, isFirst: false },
  ...fields,
});

/** Both stores hold to one contract. */
const kinds = [
  ['postgres', false],
  ['valkey', noValkey],
] as const;

async function open(t: TestContext, kind: (typeof kinds)[number][0]) {
  const { sql } = await testDatabase(t);
  const valkey = kind === 'valkey' ? await startValkey(t) : null;
  const valkey_url = valkey && `valkey://127.0.0.1:${valkey.port}`;
  const daemon = (id: string): LeaseStore => {
    const store = openLeaseStore({ valkey_url, valkey_ca: null }, { sql } as Store, id);
    t.after(() => store.close());
    return store;
  };
  const [a, b] = [daemon('a'), daemon('b')];
  for (const store of [a, b]) {
    await until('the store', () => store.take([], []).then(() => true));
  }
  const take = async (store: LeaseStore, fields: Partial<Wanted>, dead: string[] = []) => {
    const { grants } = await store.take([wanted(fields)], dead);
    return grants[0]?.granted ?? -1;
  };
  /** Has a daemon look as if it had been seen some seconds earlier. */
  const age = async (id: string, seconds: number) => {
    if (!valkey) {
      await sql`UPDATE limit_members SET seen = seen - ${seconds} * interval '1 s'
        WHERE daemon = ${id}`;
      return;
    }
    const client = await createClient({ url: `redis://127.0.0.1:${valkey.port}` }).connect();
    const [key = ''] = await client.keys('*members');
    const [seen, size] = String(await client.hGet(key, id)).split(' ');
    await client.hSet(key, id, `${Number(seen) - seconds} ${size}`);
    client.destroy();
  };
  /** Loses all data, as a crash of the store does. */
  const forget = async () => {
    if (!valkey) return void (await sql`TRUNCATE limit_members, limit_clock, limit_leases`);
    const client = await createClient({ url: `redis://127.0.0.1:${valkey.port}` }).connect();
    await client.flushAll();
    client.destroy();
  };
  return { a, b, daemon, take, age, forget };
}

for (const [kind, skip] of kinds) {
  test(`${kind}: daemons know how many they are`, { skip }, async (t) => {
    const { a, b } = await open(t, kind);
    assert.deepEqual(await a.take([], []), { grants: [], size: 2, rank: 1 });
    assert.deepEqual(await b.take([], []), { grants: [], size: 2, rank: 2 });
    await a.leave();
    assert.deepEqual(await b.take([], []), { grants: [], size: 1, rank: 1 });
  });

  test(`${kind}: held and remaining tokens never exceed the burst`, { skip }, async (t) => {
    const { a, b, take } = await open(t, kind);
    const slow = { rate: 1e-6 };
    assert.equal(await take(a, { ...slow, want: 4 }), 4);
    assert.equal(await take(b, { ...slow, want: 20 }), 6);
    assert.equal(await take(a, { ...slow, held: 4, want: 1 }), 0);
    // Three were given back, one was used.
    assert.equal(await take(a, { ...slow, held: 0, returned: 3 }), 0);
    assert.equal(await take(b, { ...slow, held: 6, want: 9, least: 4 }), 0, 'fewer are of no use');
    assert.equal(await take(b, { ...slow, held: 6, want: 9, least: 3 }), 3);
    // Returned tokens are not returned twice.
    assert.equal(await take(a, { ...slow, held: 0, returned: 3, want: 5 }), 0);
  });

  test(`${kind}: owed tokens are repaid first`, { skip }, async (t) => {
    const { a, b, take } = await open(t, kind);
    const slow = { rate: 1e-6 };
    assert.equal(await take(a, { ...slow, want: 10 }), 10);
    assert.equal(await take(a, { ...slow, held: 0, owed: 5 }), 0);
    assert.equal(await take(b, { ...slow, owed: -8, want: 9 }), 3);
    assert.equal(
      await take(b, { ...slow, owed: -50, held: 0, want: 50 }),
      10,
      'never more than all',
    );
  });

  test(`${kind}: a limit that one daemon kept itself starts with what it left`, {
    skip,
  }, async (t) => {
    const { a, b, take } = await open(t, kind);
    const slow = { rate: 1e-6 };
    assert.equal(await take(a, { ...slow, level: 3, want: 9 }), 3, 'it is not known yet');
    assert.equal(await take(b, { ...slow, name: 'other', want: 2 }), 2);
    assert.equal(await take(a, { ...slow, name: 'other', level: 1, want: 9 }), 8, 'it is known');
    const first = { ...slow, name: 'third', level: 1, isFirst: true };
    assert.equal(await take(b, { ...slow, name: 'third' }), 0);
    assert.equal(await take(a, { ...first, want: 9 }), 1);
  });

  test(`${kind}: slots return when released, and when a daemon dies`, { skip }, async (t) => {
    const { a, b, take } = await open(t, kind);
    const slots = { rate: 0, burst: 5 };
    assert.equal(await take(a, { ...slots, want: 3 }), 3);
    assert.equal(await take(b, { ...slots, want: 9 }), 2);
    assert.equal(await take(a, { ...slots, held: 2, returned: 1 }), 0);
    assert.equal(await take(b, { ...slots, held: 2, want: 9 }), 1);
    assert.equal(await take(b, { ...slots, held: 3, want: 9 }, ['a']), 2);
  });

  test(`${kind}: a cut-off daemon keeps its share, a dead one does not`, {
    skip,
  }, async (t) => {
    const { a, b, take } = await open(t, kind);
    const [rate, burst] = [40, 40];
    // Both know that they are two.
    await Promise.all([a.take([], []), b.take([], [])]);
    let got = await take(a, { rate, burst, want: burst });
    // A pause of the machine around the last answer makes the rate seem lower, or higher.
    const drain = async (ms: number, dead: string[] = []) => {
      const startMs = performance.now();
      let sum = 0;
      let askedMs = startMs;
      while (askedMs - startMs < ms) {
        await pause(20);
        askedMs = performance.now();
        sum += await take(b, { rate, burst, want: burst }, dead);
      }
      const perSecond = (endMs: number) => sum / ((endMs - startMs) / 1000);
      return { atLeast: perSecond(performance.now()), atMost: perSecond(askedMs) };
    };
    await drain(lostAfterMs + 200);
    const whileCut = await drain(1_500);
    assert.ok(whileCut.atMost > 0.4 * rate, `${whileCut.atMost} a second`);
    assert.ok(whileCut.atLeast <= 0.6 * rate, `${whileCut.atLeast} a second`);
    // Its slots too.
    assert.equal(await take(b, { name: 's', rate: 0, burst: 4, want: 9 }), 2);
    await take(a, { rate, burst });
    // It is back once it has an answer.
    await take(a, { rate, burst });
    const together = await drain(1_000);
    assert.ok(together.atMost > 0.8 * rate, `${together.atMost} a second when it is back`);
    await drain(lostAfterMs + 200);
    const afterDeath = await drain(1_000, ['a']);
    assert.ok(afterDeath.atMost > 0.8 * rate, `${afterDeath.atMost} a second once it is dead`);
    got += await take(b, { name: 's', rate: 0, burst: 4, held: 2, want: 9 });
    assert.equal(got, burst + 2);
  });

  test(`${kind}: a cut-off daemon keeps its share while it is known to be alive`, {
    skip,
  }, async (t) => {
    const { a, b, age } = await open(t, kind);
    await Promise.all([a.take([], []), b.take([], [])]);
    await age('a', 50);
    await b.take([], []);
    await b.keepShares(['a', 'b', 'nobody']);
    // Without that it would count as dead by now.
    await age('a', 15);
    assert.equal((await b.take([], [])).size, 2);
    const slots = { rate: 0, burst: 4 };
    const { grants } = await b.take([wanted({ ...slots, want: 9 })], []);
    assert.equal(grants[0]?.granted, 2, 'it stays cut off');
    await age('a', 61);
    assert.equal((await b.take([], [])).size, 1);
    await b.keepShares(['a']);
    assert.equal((await b.take([], [])).size, 1, 'one that is forgotten stays so');
    await a.take([], []);
    await b.keepShares(['a']);
    const after = await b.take([wanted({ ...slots, name: 'other', want: 9 })], []);
    assert.equal(after.grants[0]?.granted, 4, 'one that is there is not taken for cut off');
  });

  test(`${kind}: a share is reserved before its daemon takes it`, { skip }, async (t) => {
    const { a, b, take } = await open(t, kind);
    await Promise.all([a.take([], []), b.take([], [])]);
    // The first answers count from later: see `aloneAfterFirstMs`.
    await pause(600);
    const fromMs = performance.now();
    await a.take([], []);
    const untilMs = performance.now();
    await a.take([], []);
    // From here on it counts as seen when it confirmed that answer.
    const slots = { rate: 0, burst: 4, want: 9 };
    let reservedMs = 0;
    await until('its share', async () => {
      reservedMs = performance.now();
      return (await take(b, slots)) === 2;
    });
    const isInTime = reservedMs < fromMs + aloneAfterMs;
    assert.ok(isInTime, `reserved ${reservedMs - fromMs} ms after an answer`);
    assert.ok(reservedMs > untilMs + 1_200, 'a short silence is none');
  });

  test(`${kind}: a daemon whose answers are lost is cut off all the same`, { skip }, async (t) => {
    const { a, b, daemon, take, age } = await open(t, kind);
    await Promise.all([a.take([], []), b.take([], [])]);
    await age('a', 3);
    const slots = { rate: 0, burst: 4, want: 9 };
    // The same daemon, before it has an answer.
    await daemon('a').take([], []);
    assert.equal(await take(b, slots), 2, 'its share is reserved');
    await a.take([], []);
    await a.take([], []);
    assert.equal(await take(b, { ...slots, held: 2 }), 2, 'it is back');
  });

  test(`${kind}: a store that lost its data reserves the shares of those that are not back`, {
    skip,
  }, async (t) => {
    const { a, b, daemon, take, forget } = await open(t, kind);
    await Promise.all([a.take([], []), b.take([], [])]);
    await Promise.all([a.take([], []), b.take([], [])]);
    await forget();
    const slots = { rate: 0, burst: 6 };
    assert.equal(
      await take(a, { ...slots, want: 9 }),
      3,
      'half of them are those of the other one',
    );
    assert.equal((await a.take([], [])).size, 2);
    assert.equal((await daemon('c').take([], [])).size, 3, 'a new one is not the other one');
    assert.equal((await b.take([], [])).size, 3);
    assert.equal((await b.take([], [])).size, 3);
    assert.equal(await take(a, { ...slots, held: 3, want: 9 }), 3, 'nothing is reserved any more');
    await forget();
    const rates = { rate: 1e-6, burst: 12 };
    assert.equal(await take(a, { ...rates, level: 12 }), 0);
    const back = { ...rates, level: 2, isFirst: true, want: 20 };
    assert.equal(await take(b, back), 2, 'at most what is left as it knows');
    assert.equal(await take(a, { ...rates, want: 20 }), 0);
  });
}

test('a Valkey is reached by TLS that its certificate proves, with a password', {
  skip: noValkey || skipWithout('openssl'),
}, async (t) => {
  const { sql } = await testDatabase(t);
  const files = await certificate('127.0.0.1', 'IP:127.0.0.1');
  const tls = ['--tls-cert-file', files.certificate, '--tls-key-file', files.key];
  const { port } = await startValkey(
    t,
    [...tls, '--tls-auth-clients', 'no', '--requirepass', 'tls-secret'],
    true,
  );
  const open = (url: string, ca: string | null) => {
    const settings = { valkey_url: url, valkey_ca: ca };
    const store = openLeaseStore(settings, { sql } as Store, 'a');
    t.after(() => store.close());
    return store;
  };
  const store = open(`rediss://:tls-secret@127.0.0.1:${port}`, files.certificate);
  assert.equal((await store.take([], [])).size, 1);
  const refusals = [
    [open(`rediss://:tls-secret@127.0.0.1:${port}`, null), /no known authority; fleet.valkey_ca/],
    [open(`rediss://:wrong@127.0.0.1:${port}`, files.certificate), /password is wrong/],
    [open(`rediss://127.0.0.1:${port}`, files.certificate), /it wants a password/],
    [open(`rediss://:tls-secret@127.0.0.1:${port}`, '/nowhere.pem'), /fleet.valkey_ca.*ENOENT/],
    [open(`redis://:tls-secret@127.0.0.1:${port}`, null), /closes the connection.*rediss:/],
    [open('redis://:tls-secret@127.0.0.1:1', null), /nothing listens there/],
  ] as const;
  for (const [wrong, reason] of refusals) {
    await assert.rejects(wrong.take([], []), (error: Error) => {
      assert.match(error.message, reason);
      assert.doesNotMatch(error.message, /tls-secret|wrong@/);
      return true;
    });
  }
});
