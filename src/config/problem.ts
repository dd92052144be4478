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
  const told = shortened(reason, maxToldLength);
  return path ? `${source}: ${shortened(path, maxToldLength)}: ${told}` : `${source}: ${told}`;
}

/** The problems that a change adds: those from before must not keep a row from being changed. */
export function addedProblems(after: readonly Problem[], before: readonly Problem[]): Problem[] {
  const known = new Set(before.map(describeProblem));
  return after.filter((problem) => !known.has(describeProblem(problem)));
}

/** A name quoted for a message, shortened and made printable: documents may contain anything. */
export function shownName(name: string): string {
  return shortened(name, 100);
}

/** Longest path or reason of a problem that is shown whole. */
export const maxToldLength = 600;

export function shortened(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}

/** The problems of a part as those of the whole, in which the part is at this path. */
export function under(at: string, problems: Problem[]): Problem[] {
  return problems.map((problem) => ({
    ...problem,
    path: problem.path ? `${at}.${problem.path}` : at,
  }));
}
