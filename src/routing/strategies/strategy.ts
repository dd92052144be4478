/** Load of each candidate, by index. */
export interface Candidates {
  /** True where it may be picked now. */
  eligible(index: number): boolean;
  /** Requests under way to it. */
  inFlight(index: number): number;
  /** Expected cost of one more request: time to the answer × requests under way. */
  cost(index: number): number;
}

/**
 * The state of one strategy over one group of candidates. It outlives snapshots: a group with the
 * same providers and weights continues its cycle.
 */
export interface Balancer {
  /** The index of an eligible candidate whose weight is not 0; -1 when there is none. */
  next(candidates: Candidates): number;
}

/** A way to spread requests over candidates, given their weights. */
export type Strategy = (weights: readonly number[]) => Balancer;
