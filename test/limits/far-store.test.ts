import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { FleetLeases } from '../../src/limits/fleet-leases.js';
import { FleetSync } from '../../src/limits/fleet-sync.js';
import { fleetShare } from '../../src/limits/lease.js';
import type { LeaseStore } from '../../src/limits/lease-store.js';
import { LeasedLimiter } from '../../src/limits/leased-limiter.js';
import { TokenBucket } from '../../src/limits/token-bucket.js';

const rate = 60;
const size = 3;

/** A store that answers only after a while, on its way there and back. */
function farStore(roundTripMs: number) {
  const bucket = new TokenBucket(rate, performance.now());
  return (rank: number): LeaseStore => {
    let before = 0;
    return {
      async take(wanted) {
        await pause(roundTripMs / 2);
        const nowMs = performance.now();
        const grants = wanted.map(({ name, held, returned, want, least }) => {
          bucket.settle(before - held - returned, returned, nowMs);
          const granted = bucket.lend(want, nowMs, least);
          before = held + granted;
          return { name, granted, left: bucket.left(nowMs) };
        });
        await pause(roundTripMs / 2);
        return { grants, size, rank };
      },
      keepShares: async () => {},
      leave: async () => {},
      close: async () => {},
    };
  };
}

/** A daemon with two workers. @returns asks for a request on either by turns. */
function startDaemon(t: TestContext, store: LeaseStore, rank: number): () => Promise<boolean> {
  const workers: LeasedLimiter[] = [];
  const leases = new FleetLeases(
    [],
    (worker, grant) => setImmediate(() => workers[worker]?.granted(grant)),
    () => sync.ask(),
  );
  for (const worker of [0, 1]) {
    const limiter = new LeasedLimiter(
      (request) =>
        setImmediate(() => {
          const grant = leases.handle(worker, request, performance.now());
          if (grant && request.want > 0) setImmediate(() => limiter.granted(grant));
        }),
      (perSecond, burst) => fleetShare(perSecond, burst, worker + 1, 2, size),
    );
    workers.push(limiter);
  }
  const rest = { dead: () => [], alive: () => [], onStore: () => {}, onShare: () => {} };
  const sync = new FleetSync({ store, limits: { '': leases }, ...rest }, { size, rank });
  t.after(() => sync.close());
  let sent = 0;
  return async () => {
    const { admitted } = (await workers[sent++ % 2]?.take('k', rate)) ?? { admitted: false };
    return admitted;
  };
}

for (const [name, perSecond] of [
  ['evenly', [40, 40, 40]],
  ['to one of three daemons', [0, 120, 0]],
] as const) {
  test(`with a store 200 ms away, a limit is used whole by load sent ${name}`, async (t) => {
    const storeOf = farStore(200);
    const served: number[] = [];
    let refused = 0;
    const startMs = performance.now();
    const timers = perSecond.map((each, place) => {
      const ask = startDaemon(t, storeOf(place + 1), place + 1);
      let sent = 0;
      return setInterval(() => {
        const due = ((performance.now() - startMs) / 1_000) * each;
        for (; sent < due; sent++) {
          void ask().then((isServed) => {
            if (isServed) served.push(performance.now());
            else refused++;
          });
        }
      }, 5);
    });
    await pause(5_000);
    for (const timer of timers) clearInterval(timer);
    const untilMs = performance.now();
    const lately = served.filter((ms) => ms >= startMs + 2_000).length;
    const used = lately / (((untilMs - startMs - 2_000) / 1_000) * rate);
    assert.ok(used >= 0.9, `${used} of the limit used from the second second on`);
    assert.ok(served.length <= ((untilMs - startMs) / 1_000) * rate + rate);
    assert.ok(refused > 0);
  });
}
