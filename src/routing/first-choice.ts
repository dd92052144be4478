/** What the first choice among candidates depends on. */
export interface Weighted {
  readonly weight: number;
  readonly priority: number;
}

/**
 * Who gets the first attempts while all of these are available: those of the lowest priority
 * number that have a weight, in proportion to it; where none has, the first of them alone.
 * `nextCandidate` chooses so; `explain` and plans say so.
 */
export function firstChoices<T extends Weighted>(candidates: readonly T[]): readonly T[] {
  const priority = Math.min(...candidates.map((candidate) => candidate.priority));
  const first = candidates.filter((candidate) => candidate.priority === priority);
  const weighted = first.filter(({ weight }) => weight > 0);
  return weighted.length > 0 ? weighted : first.slice(0, 1);
}

/** A first choice's part of the traffic, from 0 to 1. */
export function shareOf({ weight }: Weighted, choices: readonly Weighted[]): number {
  if (choices.length === 1) return 1;
  return weight / choices.reduce((sum, choice) => sum + choice.weight, 0);
}
