/** Settling interval of a daemon under load, one call at a time; see fleet-sync.ts. */
export const leaseEveryMs = 100;
const intervals = 100;

/**
 * Simulates daemons that settle their limits with a store which serves one at a time, each at some
 * moment of every interval; one that still times leaves an interval out.
 * @returns the 99th percentile of the time from call to answer, without the network.
 */
export function leaseTimeMs(daemons: number, serviceMs: number): number {
  const random = sequence();
  const answeredMs = new Array<number>(Math.ceil(daemons)).fill(0);
  const times: number[] = [];
  let freeMs = 0;
  for (let interval = 0; interval < intervals; interval++) {
    const calls = answeredMs.map((_, daemon) => ({
      daemon,
      ms: (interval + random()) * leaseEveryMs,
    }));
    for (const { daemon, ms } of calls.sort((a, b) => a.ms - b.ms)) {
      if ((answeredMs[daemon] ?? 0) > ms) continue;
      freeMs = Math.max(freeMs, ms) + serviceMs;
      answeredMs[daemon] = freeMs;
      times.push(freeMs - ms);
    }
  }
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length * 0.99)] ?? 0;
}

/** The same numbers from 0 to 1 every time (Park and Miller). */
function sequence(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
