import { RE2JS } from 're2js';
import { instructionsOf, maxInstructions, tooLarge } from './pattern-size.js';

/** A longer program would take too long for each character of a stream. */
const maxOfStream = 2_000;

/**
 * Compiles a regular expression for an engine that cannot backtrack.
 * @returns it, or the reason that the text is not one that can be used.
 */
export function compileLinear(text: string, ignoreCase = false): RE2JS | string {
  if (instructionsOf(text) > maxInstructions) return tooLarge;
  try {
    const compiled = RE2JS.compile(text, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
    if (compiled.matcher('').find()) return 'matches the empty text, so it would match anywhere';
    if (compiled.programSize() > maxOfStream) return 'is too large';
    return compiled;
  } catch (error) {
    return `is not a regular expression: ${error instanceof Error ? error.message : error}`;
  }
}

interface Checked {
  /** The reason that it cannot be used, or null. */
  problem: string | null;
  /** Instructions of its program; 0 where it cannot be used. */
  instructions: number;
}

/** A change is checked several times, and classes such as `\pL` take long to compile. */
const checked = new Map<string, Checked>();
const maxChecked = 1_000;

/** Checks a regular expression as `compileLinear` does, each text once. */
export function checkLinear(text: string, ignoreCase = false): Checked {
  const name = `${ignoreCase} ${text}`;
  const known = checked.get(name);
  if (known) return known;
  const compiled = compileLinear(text, ignoreCase);
  const found =
    typeof compiled === 'string'
      ? { problem: compiled, instructions: 0 }
      : { problem: null, instructions: compiled.programSize() };
  if (checked.size >= maxChecked) checked.clear();
  checked.set(name, found);
  return found;
}
