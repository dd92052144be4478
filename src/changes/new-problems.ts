import type { Configuration } from '../config/configuration.js';
import { mergeConfiguration } from '../config/merge.js';
import { type Override, type OverrideFile, parseOverride } from '../config/overrides.js';
import { addedProblems, ConfigError, type Problem } from '../config/problem.js';
import { redirectedSecrets } from '../config/redirected.js';
import { costProblems } from '../config/rows/pattern-cost.js';
import type { PrivateAddresses } from '../config/settings/settings-types.js';
import type { ChangeAuthor } from './change-control.js';
import { changedPart } from './changed-part.js';

/** The sources of rows and override files. */
export interface ConfigurationParts {
  /** Reads all rows, in one transaction. */
  readRows: () => Promise<Configuration>;
  readOverrides: () => Promise<OverrideFile[]>;
  privateAddresses?: PrivateAddresses;
}

/**
 * The problems that a change of the rows would add to the configuration. Nothing is activated.
 * @param author a command may send the secrets of override files to another origin.
 * @param known the rows before the change; undefined: they are read.
 * @throws what reading threw.
 */
export async function newProblems(
  { readRows, readOverrides, privateAddresses }: ConfigurationParts,
  change: (rows: Configuration) => Configuration,
  { isCommand }: Pick<ChangeAuthor, 'isCommand'>,
  known?: Configuration,
): Promise<Problem[]> {
  const [rows, files] = await Promise.all([known ?? readRows(), readOverrides()]);
  const overrides = files.map((file) => parseOverride(file, []));
  const changed = change(rows);
  const redirected = isCommand ? [] : redirectedSecrets(rows, changed, overrides);
  // A file may change any key, or have the value of one.
  const isWhole = overrides.some(({ credentials }) => credentials.size > 0);
  const part = isWhole ? { before: rows, after: changed } : changedPart(rows, changed);
  // First: patterns that cost too much would be compiled by the other checks.
  const costs = addedProblems(costProblems(part.after), costProblems(part.before));
  if (costs.length > 0) return [...costs, ...redirected];
  const after = mergeProblems(part.after, overrides, privateAddresses);
  if (after.length === 0) return redirected;
  const before = mergeProblems(part.before, overrides, privateAddresses);
  return [...addedProblems(after, before), ...redirected];
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
