import type { StrategyName } from '../../config/settings/settings-types.js';
import { latency } from './latency.js';
import { leastBusy } from './least-busy.js';
import type { Strategy } from './strategy.js';
import { weightedRandom } from './weighted-random.js';
import { weightedRoundRobin } from './weighted-round-robin.js';

export const strategies: Readonly<Record<StrategyName, Strategy>> = {
  weighted_round_robin: weightedRoundRobin,
  weighted_random: weightedRandom,
  latency,
  least_busy: leastBusy,
};
