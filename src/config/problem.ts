/** One error in a document. */
export interface Problem {
  /** The file, or the table for a database row. */
  source: string;
  /** Its place in the document, such as `providers.openai.weight`. */
  path: string;
  /** Explanation; never contains a value that may be secret. */
  reason: string;
}

/** An invalid configuration; the active one stays in use. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(describeProblem).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export function describeProblem({ source, path, reason }: Problem): string {
  return path ? `${source}: ${path}: ${reason}` : `${source}: ${reason}`;
}
