/** A reason that several documents cannot be read as one. */
export interface JoinProblem {
  path: string;
  reason: string;
}

/**
 * Joins the documents of one YAML text, as if their sections were in one document. Empty documents
 * are ignored.
 */
export function joinDocuments(documents: readonly unknown[]): {
  value: unknown;
  problems: JoinProblem[];
} {
  const given = documents.filter((document) => document !== null && document !== undefined);
  if (given.length < 2) return { value: given[0] ?? {}, problems: [] };
  if (!given.every(isMapping)) {
    const reason = 'has several documents, which must be mappings to be read as one';
    return { value: null, problems: [{ path: '', reason }] };
  }
  const problems: JoinProblem[] = [];
  const repeated = (path: string) => problems.push({ path, reason: 'is in two documents' });
  const sections = new Map<string, unknown>();
  for (const [name, content] of given.flatMap((document) => Object.entries(document))) {
    const before = sections.get(name) ?? null;
    if (before === null) sections.set(name, isMapping(content) ? { ...content } : content);
    else if (isMapping(before) && isMapping(content)) {
      for (const [key, value] of Object.entries(content)) {
        if (Object.hasOwn(before, key)) repeated(`${name}.${key}`);
        else Object.defineProperty(before, key, { value, enumerable: true });
      }
    } else if (content !== null) repeated(name);
  }
  return { value: Object.fromEntries(sections), problems };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return value instanceof Object && !Array.isArray(value);
}
