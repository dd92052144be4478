/** Candidates with these costs and numbers of requests in flight. */
export const view = (
  costs: readonly number[],
  inFlight: readonly number[] = [],
  out = new Set<number>(),
) => ({
  eligible: (index: number) => !out.has(index),
  inFlight: (index: number) => inFlight[index] ?? 0,
  cost: (index: number) => costs[index] ?? 0,
});
