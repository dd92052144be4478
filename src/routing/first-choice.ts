/** The properties of a candidate that determine the first choice. */
export interface Weighted {
  readonly weight: number;
  readonly priority: number;
}

/**
 * The candidates that get first attempts while all are available: those of the lowest priority
 * number with a weight, in proportion to it; where none has a weight, only the first of them.
 * `nextCandidate`, `explain` and plans share this rule.
 */
export function firstChoices<T extends Weighted>(candidates: readonly T[]): readonly T[] {
  const priority = Math.min(...candidates.map((candidate) => candidate.priority));
  const first = candidates.filter((candidate) => candidate.priority === priority);
  const weighted = first.filter(({ weight }) => weight > 0);
  return weighted.length > 0 ? weighted : first.slice(0, 1);
}

/** The share of first attempts of each candidate, from 0 to 1. */
export function firstShares<T extends Weighted>(
  candidates: readonly T[],
): (candidate: T) => number {
  const choices = new Set(firstChoices(candidates));
  const weights = [...choices].reduce((sum, { weight }) => sum + weight, 0);
  return (candidate) => {
    if (!choices.has(candidate)) return 0;
    return choices.size === 1 ? 1 : candidate.weight / weights;
  };
}
