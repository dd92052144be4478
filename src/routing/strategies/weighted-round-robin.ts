import type { Strategy } from './strategy.js';

/**
 * Smooth weighted round robin (nginx 52327e0627): each pick adds every weight to its candidate's
 * current value, takes the largest, and subtracts the total from it. Proportions are exact over
 * each cycle and a heavy candidate is never picked in a burst: {5,1,1} gives a a b a c a a.
 */
export const weightedRoundRobin: Strategy = (weights) => {
  const current = new Float64Array(weights.length);
  return {
    next({ eligible }) {
      let total = 0;
      let best = -1;
      for (let index = 0; index < current.length; index++) {
        const weight = weights[index] ?? 0;
        if (weight === 0 || !eligible(index)) continue;
        total += weight;
        const value = (current[index] ?? 0) + weight;
        current[index] = value;
        if (best < 0 || value > (current[best] ?? 0)) best = index;
      }
      if (best >= 0) current[best] = (current[best] ?? 0) - total;
      return best;
    },
  };
};
