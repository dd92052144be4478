import type { Strategy } from './strategy.js';

/** The candidate with the fewest requests under way for its weight; ties go round robin. */
export const leastBusy: Strategy = (weights) => {
  let turn = 0;
  return {
    next({ eligible, inFlight }) {
      let best = -1;
      let bestLoad = Number.POSITIVE_INFINITY;
      for (let step = 1; step <= weights.length; step++) {
        const index = (turn + step) % weights.length;
        const weight = weights[index] ?? 0;
        if (weight === 0 || !eligible(index)) continue;
        const load = (inFlight(index) + 1) / weight;
        if (load < bestLoad) {
          best = index;
          bestLoad = load;
        }
      }
      if (best >= 0) turn = best;
      return best;
    },
  };
};
