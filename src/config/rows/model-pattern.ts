import { RE2JS } from 're2js';
import { instructionsOf, maxInstructions, tooLarge } from './pattern-size.js';

/** A compiled key of a model mapping, or entry of `allowed_models`, that matches model names. */
export type ModelPattern =
  | { kind: 'exact'; model: string }
  /** `capture` returns the text matched by the first `*`, or null where the name does not match. */
  | { kind: 'wildcard'; length: number; capture: (model: string) => string | null }
  | { kind: 'regex'; matches: (model: string) => boolean };

/**
 * Compiles `gpt-4o` (exact), `gpt-4*` (wildcard: each `*` is any text) or `/^o\d/` (regular
 * expression, found anywhere unless anchored, by an engine that cannot backtrack).
 * @returns the pattern, or as a string the reason that the text is not one.
 */
export function compileModelPattern(text: string): ModelPattern | string {
  if (text === '') return 'is empty';
  const kind = kindOfPattern(text);
  if (kind === 'regex') return regex(text);
  if (kind === 'exact') return { kind, model: text };
  return { kind, length: text.length, capture: wildcard(text.split('*')) };
}

/** The kind of a pattern by its form alone; it may be invalid. */
export function kindOfPattern(text: string): ModelPattern['kind'] {
  if (text.length > 2 && text.startsWith('/') && text.endsWith('/')) return 'regex';
  return text.includes('*') ? 'wildcard' : 'exact';
}

/** True where the pattern matches a model's name. */
export function matchesPattern(pattern: ModelPattern, model: string): boolean {
  if (pattern.kind === 'exact') return pattern.model === model;
  return pattern.kind === 'wildcard' ? pattern.capture(model) !== null : pattern.matches(model);
}

/** The reason that the patterns of a list cannot be used together, or null. */
export function patternsProblem(patterns: readonly string[]): string | null {
  let instructions = 0;
  for (const text of patterns) {
    if (kindOfPattern(text) === 'regex') instructions += instructionsOf(text.slice(1, -1));
    if (instructions > maxInstructions) {
      return `has regular expressions with more than ${maxInstructions} instructions together`;
    }
  }
  return null;
}

/** A change is checked several times: each pattern is compiled once for that. */
const known = new Map<string, ModelPattern | string>();
/** Instructions of the known ones at most, since programs take memory; beyond it all are forgotten. */
const maxKnownInstructions = 5 * maxInstructions;
let knownInstructions = 0;

function regex(text: string): ModelPattern | string {
  const before = known.get(text);
  if (before !== undefined) return before;
  const instructions = instructionsOf(text.slice(1, -1));
  if (instructions > maxInstructions) return tooLarge;
  const pattern = compiled(text);
  knownInstructions += instructions;
  if (knownInstructions > maxKnownInstructions) {
    known.clear();
    knownInstructions = instructions;
  }
  known.set(text, pattern);
  return pattern;
}

function compiled(text: string): ModelPattern | string {
  try {
    const program = RE2JS.compile(text.slice(1, -1));
    return { kind: 'regex', matches: (model) => program.matcher(model).find() };
  } catch (error) {
    return `is not a regular expression: ${error instanceof Error ? error.message : error}`;
  }
}

/** Greedy matching of the literal parts from the left is exact for `*` and takes linear time. */
function wildcard(parts: string[]): (model: string) => string | null {
  const first = parts[0] ?? '';
  const last = parts[parts.length - 1] ?? '';
  const middle = parts.slice(1, -1);
  return (model) => {
    const end = model.length - last.length;
    if (end < first.length || !model.startsWith(first) || !model.endsWith(last)) return null;
    let position = first.length;
    let captureEnd: number | null = null;
    for (const part of middle) {
      const found = model.indexOf(part, position);
      if (found < 0 || found + part.length > end) return null;
      captureEnd ??= found;
      position = found + part.length;
    }
    return model.slice(first.length, captureEnd ?? end);
  };
}
