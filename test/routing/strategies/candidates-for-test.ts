import type { Candidates } from '../../../src/routing/strategies/strategy.js';

/** Candidates without load, of which some are eligible. */
export function candidates(eligible: (index: number) => boolean = () => true): Candidates {
  return { eligible, inFlight: () => 0, cost: () => 0 };
}
