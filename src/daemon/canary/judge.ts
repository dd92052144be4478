import type { Canary } from '../../config/rows/canary.js';
import type { CanarySums } from '../../db/queries/configuration/canaries.js';
import { proportion } from '../../observe/statistics.js';

/** The move that a canary makes; `wait`: none, for this reason. */
export type Verdict =
  | { move: 'back' | 'wait'; reason: string }
  | { move: 'next' | 'finish'; reason: null };

/** A single failure may be a coincidence. */
const minFailures = 2;
/** Share of the answers that may be slower than the bound. */
const slowShare = 0.05;

/**
 * Decides the next move of a running canary. It rolls back when its requests significantly exceed a
 * bound on failures or latency, at this step or in the last minute; also when significantly more of
 * them are refused as the client's mistake than of those that are not moved. It advances once a
 * step has seen enough requests without exceeding a bound.
 * @param stepMs time at this step.
 */
export function judge(canary: Canary, sums: CanarySums, stepMs: number): Verdict {
  const { max_error_percent, max_latency_ms, min_requests, step_seconds, steps, step } = canary;
  const bounds = [
    ...(max_error_percent === null
      ? []
      : [{ of: 'errors' as const, share: max_error_percent / 100, told: 'failed' }]),
    ...(max_latency_ms === null
      ? []
      : [{ of: 'slow' as const, share: slowShare, told: `took longer than ${max_latency_ms} ms` }]),
  ];
  for (const { of, share, told } of bounds) {
    for (const seen of [sums.recent, sums.step]) {
      const count = seen[of];
      if (count < minFailures || (proportion(count, seen.requests)?.low ?? 0) <= share) continue;
      return { move: 'back', reason: `${count} of ${seen.requests} requests ${told}` };
    }
  }
  const { usual } = sums;
  const elsewhere = `elsewhere ${usual.refused} of ${usual.requests}`;
  if (max_error_percent !== null) {
    const usually = proportion(usual.refused, usual.requests)?.high ?? 1;
    for (const { requests, refused } of [sums.recent, sums.step]) {
      const now = proportion(refused, requests)?.low ?? 0;
      if (refused < minFailures || now <= usually + max_error_percent / 100) continue;
      const reason = `${refused} of ${requests} requests were refused with a status 4xx, ${elsewhere}`;
      return { move: 'back', reason };
    }
  }
  const { requests } = sums.step;
  if (stepMs < step_seconds * 1_000) return { move: 'wait', reason: 'its time is not over' };
  if (requests < min_requests) {
    return { move: 'wait', reason: `it has seen ${requests} of ${min_requests} requests` };
  }
  for (const { of, share, told } of bounds) {
    const count = sums.step[of];
    if (count <= requests * share) continue;
    return { move: 'wait', reason: `${count} of ${requests} requests ${told}, too few to be sure` };
  }
  const { refused } = sums.step;
  if (max_error_percent !== null && usual.requests > 0) {
    const expected = usual.refused / usual.requests + max_error_percent / 100;
    if (refused > requests * expected) {
      const reason = `${refused} of ${requests} requests were refused, ${elsewhere}, too few to be sure`;
      return { move: 'wait', reason };
    }
  }
  return { move: step + 1 < steps.length ? 'next' : 'finish', reason: null };
}
