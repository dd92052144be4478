import type { Strategy } from './strategy.js';

/** A random candidate, in proportion to the weights. */
export const weightedRandom: Strategy = (weights) => ({
  next({ eligible }) {
    let total = 0;
    let picked = -1;
    for (let index = 0; index < weights.length; index++) {
      const weight = weights[index] ?? 0;
      if (weight === 0 || !eligible(index)) continue;
      total += weight;
      // Reservoir sampling: one pass, each candidate kept with probability weight / total so far.
      if (Math.random() * total < weight) picked = index;
    }
    return picked;
  },
});
