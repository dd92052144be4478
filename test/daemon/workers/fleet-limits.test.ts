import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openLeaseStore } from '../../../src/daemon/fleet/lease-stores.js';
import type { Store } from '../../../src/daemon/store.js';
import { LimitLevels } from '../../../src/daemon/workers/limit-levels.js';
import { SharedLimits } from '../../../src/daemon/workers/shared-limits.js';
import { fleetShare } from '../../../src/limits/lease.js';
import { LeasedLimiter } from '../../../src/limits/leased-limiter.js';
import { LeasedSlots } from '../../../src/limits/leased-slots.js';
import { testDatabase, testDirectory } from '../../support/postgres.js';
import { until } from '../../support/until.js';
import { noValkey, startValkey, type TestValkey } from '../../support/valkey.js';

const rate = 60;
const burst = 60;

/** The control process and the two workers of a daemon, without what lies between them. */
interface LimitedDaemon {
  limits: SharedLimits;
  workers: { rates: LeasedLimiter; quotas: LeasedLimiter; slots: LeasedSlots }[];
  /** True: it does not reach the store. */
  isCut: boolean;
  states: (string | null)[];
  size: number;
}

async function openDaemons(t: TestContext, kind: 'postgres' | 'valkey', count: number) {
  const { sql } = await testDatabase(t);
  const valkey: TestValkey | null = kind === 'valkey' ? await startValkey(t) : null;
  const settings = {
    valkey_url: valkey && `redis://127.0.0.1:${valkey.port}`,
    valkey_ca: null,
  };
  const dead: string[] = [];
  const daemons = Array.from({ length: count }, (_, index): LimitedDaemon => {
    const daemon: LimitedDaemon = {
      ...{ isCut: false, states: [], size: 0, workers: [] },
      limits: new SharedLimits(true, new LimitLevels(testDirectory()), {
        lease: (worker, grant) => setImmediate(() => daemon.workers[worker]?.rates.granted(grant)),
        quota: (worker, grant) => setImmediate(() => daemon.workers[worker]?.quotas.granted(grant)),
        slot: (worker, grant) => setImmediate(() => daemon.workers[worker]?.slots.granted(grant)),
      }),
    };
    for (const worker of [0, 1]) {
      const share = (r: number, b: number) => fleetShare(r, b, worker + 1, 2, count);
      daemon.workers.push({
        rates: new LeasedLimiter((request) => {
          const grant = daemon.limits.lease(worker, request);
          if (grant) setImmediate(() => daemon.workers[worker]?.rates.granted(grant));
        }, share),
        quotas: new LeasedLimiter((request) => {
          const grant = daemon.limits.quota(worker, request);
          if (grant) setImmediate(() => daemon.workers[worker]?.quotas.granted(grant));
        }, share),
        slots: new LeasedSlots((request) => daemon.limits.slot(worker, request)),
      });
    }
    const store = openLeaseStore(settings, { sql } as Store, `d${index}`);
    daemon.limits.share({
      store: {
        ...store,
        take: (...wanted) =>
          daemon.isCut ? Promise.reject(new Error('cut off')) : store.take(...wanted),
      },
      share: { size: count, rank: index + 1 },
      dead: () => dead,
      alive: () => [],
      onStore: (reason) => daemon.states.push(reason),
      onShare: ({ size }) => {
        daemon.size = size;
      },
    });
    t.after(() => daemon.limits.unshare());
    return daemon;
  });
  const probe = openLeaseStore(settings, { sql } as Store, 'd0');
  t.after(() => probe.close());
  await until('all daemons', async () => (await probe.take([], [])).size === count);
  return { daemons, dead, valkey };
}

/** Takes as much as it can, on all workers of some daemons, until it is stopped. */
function press(daemons: readonly LimitedDaemon[], key = 'k') {
  const admitted: { ms: number; daemon: LimitedDaemon }[] = [];
  let isOver = false;
  const stopped = new Set<LimitedDaemon>();
  const running = daemons.flatMap((daemon) =>
    daemon.workers.map(async ({ rates }) => {
      while (!isOver && !stopped.has(daemon)) {
        const ms = performance.now();
        if ((await rates.take(key, rate, burst)).admitted) admitted.push({ ms, daemon });
        else await pause(10);
      }
    }),
  );
  return {
    stop: (daemon: LimitedDaemon) => stopped.add(daemon),
    async end() {
      isOver = true;
      await Promise.all(running);
    },
    count: (fromMs: number, untilMs: number, of?: LimitedDaemon) =>
      admitted.filter(({ ms, daemon }) => ms >= fromMs && ms < untilMs && (!of || of === daemon))
        .length,
  };
}

/** The most that may pass in a span, and what must. */
function bounds(fromMs: number, untilMs: number) {
  const refill = ((untilMs - fromMs) / 1000) * rate;
  return { most: refill + burst, refill };
}

for (const [kind, skip] of [
  ['postgres', false],
  ['valkey', noValkey],
] as const) {
  test(`${kind}: a limit is exact over three daemons, one of which dies`, { skip }, async (t) => {
    const { daemons, dead } = await openDaemons(t, kind, 3);
    const [first, second] = daemons as [LimitedDaemon, LimitedDaemon];
    const pressure = press(daemons);
    t.after(() => pressure.end());
    const startMs = performance.now();
    await pause(3_000);
    const steadyMs = performance.now();
    const { most } = bounds(startMs, steadyMs);
    const all = pressure.count(startMs, steadyMs);
    assert.ok(all <= most, `${all} of at most ${most}`);
    assert.ok(all >= 0.85 * most, `${all} of ${most}`);
    assert.ok(pressure.count(startMs, steadyMs, second) > 0);
    first.isCut = true;
    pressure.stop(first);
    dead.push('d0');
    await pause(2_500);
    const restMs = performance.now();
    await pause(2_000);
    const endMs = performance.now();
    const { refill } = bounds(restMs, endMs);
    const rest = pressure.count(restMs, endMs);
    assert.ok(rest >= 0.9 * refill, `${rest} of ${refill} after a death`);
    const sum = pressure.count(startMs, endMs);
    assert.ok(sum <= bounds(startMs, endMs).most, `${sum} in all`);
  });

  test(`${kind}: a daemon that is cut off keeps to its share, then joins again`, {
    skip,
  }, async (t) => {
    const { daemons } = await openDaemons(t, kind, 3);
    const [cut] = daemons as [LimitedDaemon];
    const pressure = press(daemons);
    t.after(() => pressure.end());
    const startMs = performance.now();
    await pause(1_000);
    cut.isCut = true;
    await pause(3_000);
    const aloneMs = performance.now();
    await pause(2_500);
    const joinMs = performance.now();
    const { refill } = bounds(aloneMs, joinMs);
    const alone = pressure.count(aloneMs, joinMs, cut);
    assert.ok(alone <= refill / 3 + 2, `${alone} of ${refill / 3} alone`);
    assert.ok(alone >= 0.8 * (refill / 3), `${alone} of ${refill / 3} alone`);
    const others = pressure.count(aloneMs, joinMs) - alone;
    assert.ok(others >= 0.85 * (2 / 3) * refill, `${others} of ${(2 / 3) * refill} by the others`);
    cut.isCut = false;
    await pause(1_500);
    const endMs = performance.now();
    assert.deepEqual(cut.states.slice(0, 2), ['cut off', null]);
    const sum = pressure.count(startMs, endMs);
    assert.ok(sum <= bounds(startMs, endMs).most, `${sum} in all`);
  });

  test(`${kind}: while the store is away, all shares add up to the limit`, {
    skip,
  }, async (t) => {
    const { daemons, valkey } = await openDaemons(t, kind, 2);
    const pressure = press(daemons);
    t.after(() => pressure.end());
    const startMs = performance.now();
    await pause(1_000);
    for (const daemon of daemons) daemon.isCut = true;
    await valkey?.stop();
    await pause(3_000);
    const awayMs = performance.now();
    await pause(2_000);
    const backMs = performance.now();
    const { refill } = bounds(awayMs, backMs);
    const away = pressure.count(awayMs, backMs);
    assert.ok(away <= refill + 3 && away >= 0.8 * refill, `${away} of ${refill} while it is away`);
    // A Valkey without a disk has forgotten everything.
    await valkey?.start();
    for (const daemon of daemons) daemon.isCut = false;
    await pause(2_500);
    const endMs = performance.now();
    const sum = pressure.count(startMs, endMs);
    const { most } = bounds(startMs, endMs);
    assert.ok(sum <= most && sum >= 0.6 * most, `${sum} of ${most}`);
  });

  test(`${kind}: tokens of a minute are reserved, settled and given back over daemons`, {
    skip,
  }, async (t) => {
    const { daemons } = await openDaemons(t, kind, 3);
    const limit = ['q', 1 / 60, 1_000] as const;
    const quotas = daemons.flatMap(({ workers }) => workers.map(({ quotas: each }) => each));
    let used = 0;
    // Each reserves 40 and uses 10.
    const send = async (limiter: LeasedLimiter) => {
      for (let refused = 0; refused < 25; ) {
        if ((await limiter.take(...limit, 40)).admitted) {
          await pause(5);
          limiter.settle(...limit, -30);
          used += 10;
        } else {
          refused++;
          await pause(40);
        }
      }
    };
    await Promise.all(quotas.map(send));
    assert.ok(used <= 1_001, `${used} used`);
    assert.ok(used >= 900, `${used} used`);
  });

  test(`${kind}: slots hold over daemons and come back`, { skip }, async (t) => {
    const { daemons } = await openDaemons(t, kind, 3);
    const slots = daemons.flatMap(({ workers }) => workers.map(({ slots: each }) => each));
    let [now, most, served] = [0, 0, 0];
    const endMs = performance.now() + 2_500;
    const send = async (each: LeasedSlots) => {
      while (performance.now() < endMs) {
        const release = await each.tryAcquire('p', 5);
        if (!release) {
          await pause(10);
          continue;
        }
        most = Math.max(most, ++now);
        await pause(50);
        now--;
        served++;
        release();
      }
    };
    await Promise.all(slots.flatMap((each) => [send(each), send(each)]));
    assert.ok(most <= 5, `${most} at once`);
    assert.ok(most === 5 && served >= 60, `${served} served`);
    const [one] = slots as [LeasedSlots];
    const last = await until('a slot of idle daemons', async () => {
      const all = await Promise.all(Array.from({ length: 5 }, () => one.tryAcquire('p', 5)));
      if (all.every((release) => release !== null)) return all;
      for (const release of all) release?.();
      await pause(100);
      return false;
    });
    assert.equal(last.length, 5, 'one daemon may have all');
  });
}
