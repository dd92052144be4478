/**
 * The state of one strategy over one group of candidates. It outlives snapshots: a group with the
 * same providers and weights goes on where it was.
 */
export interface Balancer {
  /**
   * The index of the candidate to use next, among those for which `eligible` is true and whose
   * weight is not 0; -1 when there is none.
   */
  next(eligible: (index: number) => boolean): number;
}

/** A way to spread requests over candidates, given their weights. */
export type Strategy = (weights: readonly number[]) => Balancer;
