import type { Strategy } from './strategy.js';

/**
 * The power of two choices: of two random candidates, the one with the lower expected cost (peak
 * EWMA of its latency times its requests in flight, over its weight). Two are enough to avoid the
 * worst and, unlike always choosing the best, cause no herding (Mitzenmacher 2001).
 */
export const latency: Strategy = (weights) => ({
  next({ eligible, cost }) {
    let first = -1;
    let second = -1;
    let seen = 0;
    for (let index = 0; index < weights.length; index++) {
      if (weights[index] === 0 || !eligible(index)) continue;
      seen++;
      // Reservoir sampling of two.
      if (seen === 1) first = index;
      else if (seen === 2) second = index;
      else {
        const slot = Math.floor(Math.random() * seen);
        if (slot === 0) first = index;
        else if (slot === 1) second = index;
      }
    }
    if (second < 0) return first;
    const difference = cost(first) / (weights[first] ?? 1) - cost(second) / (weights[second] ?? 1);
    if (difference === 0) return Math.random() < 0.5 ? first : second;
    return difference < 0 ? first : second;
  },
});
