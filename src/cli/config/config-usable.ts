import { mergeConfiguration } from '../../config/merge.js';
import { type Override, parseOverride } from '../../config/overrides.js';
import { type Plan, rowsAfter } from '../../config/plan.js';
import { ConfigError, describeProblem } from '../../config/problem.js';
import type { Settings } from '../../config/settings.js';
import { readOverrideFiles } from '../../daemon/follow/override-files.js';
import { routedConfiguration } from '../../routing/plan-effect.js';

/**
 * The problems that a plan would add to the rows merged with this machine's override files.
 */
export async function unusableAfter(settings: Settings, plan: Plan): Promise<string[]> {
  const files = await readOverrideFiles(settings.overrides_dir ?? '');
  const overrides = files.map((file) => parseOverride(file, []));
  const problemsOf = (rows: Parameters<typeof routedConfiguration>[0]) =>
    mergeProblems(routedConfiguration(rows), overrides, settings);
  const known = new Set(problemsOf(plan.base));
  return problemsOf(rowsAfter(plan)).filter((problem) => !known.has(problem));
}

function mergeProblems(
  rows: ReturnType<typeof routedConfiguration>,
  overrides: readonly Override[],
  { upstream }: Settings,
): string[] {
  try {
    mergeConfiguration(rows, overrides, upstream.private_addresses);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(describeProblem);
    throw error;
  }
}
