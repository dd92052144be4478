import type { Candidates } from '../../../src/routing/strategies/strategy.js';

/** Candidates without load, some of them eligible. */
export function candidates(eligible: (index: number) => boolean = () => true): Candidates {
  return { eligible, inFlight: () => 0, cost: () => 0 };
}
