import { compileModelPattern, type ModelPattern, matchesPattern } from '../config/model-pattern.js';

/** Which name a provider knows a model by; null when it does not serve it. */
export type ModelMapping = (model: string) => string | null;

/**
 * Compiles a provider's mapping. Exact names win over wildcards, the longest wildcard over
 * shorter ones, and regular expressions come last, in the order written. A `*` in the value is
 * what the key's `*` stands for. An empty mapping serves every model under its own name.
 */
export function compileModelMapping(mapping: Readonly<Record<string, string>>): ModelMapping {
  const exact = new Map<string, string>();
  const wildcards: { pattern: ModelPattern & { kind: 'wildcard' }; sent: string }[] = [];
  const regexes: { pattern: ModelPattern & { kind: 'regex' }; sent: string }[] = [];
  for (const [key, sent] of Object.entries(mapping)) {
    const pattern = validPattern(key);
    if (pattern.kind === 'exact') exact.set(pattern.model, sent);
    else if (pattern.kind === 'wildcard') wildcards.push({ pattern, sent });
    else regexes.push({ pattern, sent });
  }
  if (exact.size + wildcards.length + regexes.length === 0) return (model) => model;
  wildcards.sort((a, b) => b.pattern.length - a.pattern.length);

  return (model) => {
    const name = exact.get(model);
    if (name !== undefined) return name;
    for (const { pattern, sent } of wildcards) {
      const captured = pattern.capture(model);
      if (captured !== null) return sent.replace('*', () => captured);
    }
    return regexes.find(({ pattern }) => pattern.matches(model))?.sent ?? null;
  };
}

/** Compiles `allowed_models`: whether a key may use a model; null when it may use all. */
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
