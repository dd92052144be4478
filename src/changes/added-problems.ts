import { describeProblem, type Problem } from '../config/problem.js';

/** The problems that a change adds: those from before must not keep a row from being changed. */
export function addedProblems(after: readonly Problem[], before: readonly Problem[]): Problem[] {
  const known = new Set(before.map(describeProblem));
  return after.filter((problem) => !known.has(describeProblem(problem)));
}
