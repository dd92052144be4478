import { describeProblem, type Problem } from '../problem.js';

/** An invalid setting: the message names the flag, the variable or the file's field. */
export class SettingsError extends Error {
  constructor(problems: readonly Problem[]) {
    super(problems.map(describeProblem).join('\n'));
    this.name = 'SettingsError';
  }
}
