import { CommanderError } from 'commander';

/** Exit codes: what was asked for failed, or it was asked for in the wrong way. */
export type FailureCode = 1 | 2;

/** Something went wrong that the person at the terminal can understand, and perhaps mend. */
export class CliError extends Error {
  readonly exitCode: FailureCode;
  /** What to do about it. */
  readonly hint: string | null;

  constructor(message: string, options: { hint?: string; exitCode?: FailureCode } = {}) {
    super(message);
    this.name = 'CliError';
    this.exitCode = options.exitCode ?? 1;
    this.hint = options.hint ?? null;
  }
}

/** The command line itself is wrong: exit code 2. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(message, { exitCode: 2, ...(hint !== undefined && { hint }) });
}

export interface Failure {
  message: string;
  hint: string | null;
  exitCode: FailureCode;
}

/** How to tell of anything that was thrown. */
export function toFailure(error: unknown): Failure {
  if (error instanceof CliError) {
    const { message, hint, exitCode } = error;
    return { message, hint, exitCode };
  }
  if (error instanceof CommanderError) return usageFailure(error.message);
  const message = errorMessage(error);
  // By name: the settings module is only loaded by the commands that read settings.
  const isUsage = error instanceof Error && error.name === 'SettingsError';
  return { message, hint: null, exitCode: isUsage ? 2 : 1 };
}

/** The text of an error; of one that stands for several attempts, the first attempt's. */
export function errorMessage(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return errorMessage(error.errors[0]);
  return error instanceof Error ? error.message || error.name : String(error);
}

function usageFailure(text: string): Failure {
  const [first = '', ...rest] = text.replace(/^error: /, '').split('\n');
  return {
    // A mistyped `--api-kye=sk-…` must not be repeated to the terminal or a CI log.
    message: first.replace(/'(--?[^'=\s]+)=.*'/, "'$1=…'"),
    hint: rest.join(' ') || null,
    exitCode: 2,
  };
}
