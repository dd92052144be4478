import { CommanderError } from 'commander';

/** Exit codes: 1 for a failure, 2 for a usage error. */
export type FailureCode = 1 | 2;

/** A failure that the user can understand, and perhaps fix. */
export class CliError extends Error {
  readonly exitCode: FailureCode;
  /** Advice, or null. */
  readonly hint: string | null;

  constructor(message: string, options: { hint?: string; exitCode?: FailureCode } = {}) {
    super(message);
    this.name = 'CliError';
    this.exitCode = options.exitCode ?? 1;
    this.hint = options.hint ?? null;
  }
}

/** An error in the command line: exit code 2. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(message, { exitCode: 2, ...(hint !== undefined && { hint }) });
}

export interface Failure {
  message: string;
  hint: string | null;
  exitCode: FailureCode;
}

/** Converts anything thrown to a failure that can be printed. */
export function toFailure(error: unknown): Failure {
  if (error instanceof CliError) {
    const { message, hint, exitCode } = error;
    return { message, hint, exitCode };
  }
  if (error instanceof CommanderError) return usageFailure(error.message);
  const message = errorMessage(error);
  if (/^(?:EMFILE|ENFILE): /.test(message)) {
    return { message, hint: 'raise the limit of open files, such as: ulimit -n 4096', exitCode: 1 };
  }
  // By name, since only commands that read settings load the settings module.
  const isUsage = error instanceof Error && error.name === 'SettingsError';
  const hint = isUsage && !message.startsWith('--') ? 'see: docs/configuration.md' : null;
  return { message, hint, exitCode: isUsage ? 2 : 1 };
}

/**
 * The message of an error in the form of commands' messages: without a capital and a full stop. For
 * an AggregateError, that of its first error.
 */
export function errorMessage(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return errorMessage(error.errors[0]);
  return plainMessage(error instanceof Error ? error.message || error.name : String(error));
}

/** Names with capitals inside, such as PostgreSQL, keep theirs. */
export function plainMessage(message: string): string {
  const bare = message.replace(/\.$/, '');
  return /^[A-Z][a-z]* /.test(bare) ? bare.charAt(0).toLowerCase() + bare.slice(1) : bare;
}

function usageFailure(text: string): Failure {
  // An argument may have line breaks too.
  const [, message = '', hint = null] =
    /^(?:error: )?(.*?)(?:\n(\(Did you mean [^\n]*))?$/s.exec(text) ?? [];
  return {
    // A mistyped `--api-kye=sk-…` must not be repeated to the terminal or a CI log.
    message: message.replace(/'(--?[^'=\s]+)=.*'/s, "'$1=…'"),
    hint,
    exitCode: 2,
  };
}
