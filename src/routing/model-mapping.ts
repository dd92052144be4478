import {
  compileModelPattern,
  type ModelPattern,
  matchesPattern,
} from '../config/rows/model-pattern.js';

/** Returns the provider's own name of a model; null when it does not serve it. */
export type ModelMapping = (model: string) => string | null;

/** The matching entry of a mapping: its key, or null for an empty mapping. */
export interface MappingMatch {
  pattern: string | null;
  /** The name that is sent. */
  sent: string;
}

/**
 * Compiles a provider's mapping. Exact names win over wildcards, the longest wildcard over
 * shorter ones, and regular expressions come last, in the order written. A `*` in the value stands
 * for the text that the key's `*` matched. An empty mapping serves every model under its own name.
 */
export function compileModelMapping(mapping: Readonly<Record<string, string>>): ModelMapping {
  const match = compileMappingMatch(mapping);
  return (model) => match(model)?.sent ?? null;
}

/** Like `compileModelMapping`, but returns the matching entry too. */
export function compileMappingMatch(
  mapping: Readonly<Record<string, string>>,
): (model: string) => MappingMatch | null {
  const exact = new Map<string, MappingMatch>();
  const wildcards: { key: string; pattern: ModelPattern & { kind: 'wildcard' }; sent: string }[] =
    [];
  const regexes: { match: MappingMatch; pattern: ModelPattern & { kind: 'regex' } }[] = [];
  for (const [key, sent] of Object.entries(mapping)) {
    const pattern = validPattern(key);
    const match = { pattern: key, sent };
    if (pattern.kind === 'exact') exact.set(pattern.model, match);
    else if (pattern.kind === 'wildcard') wildcards.push({ key, pattern, sent });
    else regexes.push({ match, pattern });
  }
  if (exact.size + wildcards.length + regexes.length === 0) {
    return (model) => ({ pattern: null, sent: model });
  }
  wildcards.sort((a, b) => b.pattern.length - a.pattern.length);

  return (model) => {
    const named = exact.get(model);
    if (named !== undefined) return named;
    for (const { key, pattern, sent } of wildcards) {
      const captured = pattern.capture(model);
      if (captured !== null) return { pattern: key, sent: sent.replace('*', () => captured) };
    }
    return regexes.find(({ pattern }) => pattern.matches(model))?.match ?? null;
  };
}

/** The entry of `allowed_models` that allows a model, null when none does. */
export function allowedBy(allowed: readonly string[] | null, model: string): string | null {
  if (allowed === null || allowed.includes('*')) return '*';
  return allowed.find((entry) => matchesPattern(validPattern(entry), model)) ?? null;
}

/** Compiles `allowed_models` into a test of a model's name; null when all are allowed. */
export function compileAllowedModels(
  allowed: readonly string[] | null,
): ((model: string) => boolean) | null {
  if (allowed === null || allowed.includes('*')) return null;
  const exact = new Set<string>();
  const patterns: ModelPattern[] = [];
  for (const entry of allowed) {
    const pattern = validPattern(entry);
    if (pattern.kind === 'exact') exact.add(pattern.model);
    else patterns.push(pattern);
  }
  return (model) => exact.has(model) || patterns.some((pattern) => matchesPattern(pattern, model));
}

function validPattern(text: string): ModelPattern {
  const pattern = compileModelPattern(text);
  if (typeof pattern === 'string') throw new Error(`${text} ${pattern}`);
  return pattern;
}
