/** One thing that is wrong in a document that a person wrote. */
export interface Problem {
  /** The file, or the table for a database row. */
  source: string;
  /** Where in the document, such as `providers.openai.weight`. */
  path: string;
  /** What is wrong, in words; never a value that may be secret. */
  reason: string;
}

/** A configuration that cannot be used; the one in use stays as it is. */
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
