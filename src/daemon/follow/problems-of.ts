import type { Configuration } from '../../config/configuration.js';
import { mergeConfiguration } from '../../config/merge.js';
import { type Override, type OverrideFile, parseOverride } from '../../config/overrides.js';
import { ConfigError, describeProblem, type Problem } from '../../config/problem.js';
import { redirectedSecrets } from '../../config/redirected.js';
import type { PrivateAddresses } from '../../config/settings-schema.js';

/** Where rows and override files come from. */
export interface ConfigurationParts {
  /** Reads all rows, in one transaction. */
  readRows: () => Promise<Configuration>;
  readOverrides: () => Promise<OverrideFile[]>;
  privateAddresses?: PrivateAddresses;
}

/**
 * What would be wrong with the configuration after a change of its rows, and is not wrong now; for
 * changes that come from elsewhere than this machine. Nothing is activated.
 * @throws what reading threw.
 */
export async function newProblems(
  { readRows, readOverrides, privateAddresses }: ConfigurationParts,
  change: (rows: Configuration) => Configuration,
): Promise<Problem[]> {
  const [rows, files] = await Promise.all([readRows(), readOverrides()]);
  const overrides = files.map((file) => parseOverride(file, []));
  const changed = change(rows);
  const redirected = redirectedSecrets(rows, changed, overrides);
  const after = mergeProblems(changed, overrides, privateAddresses);
  if (after.length === 0) return redirected;
  const before = mergeProblems(rows, overrides, privateAddresses);
  const known = new Set(before.map(describeProblem));
  return [...after.filter((problem) => !known.has(describeProblem(problem))), ...redirected];
}

function mergeProblems(
  rows: Configuration,
  overrides: readonly Override[],
  privateAddresses: PrivateAddresses | undefined,
): readonly Problem[] {
  try {
    mergeConfiguration(rows, overrides, privateAddresses);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
