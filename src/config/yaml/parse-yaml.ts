import type { Problem } from '../problem.js';
import { readPlacedYaml } from './yaml-places.js';

/**
 * Parses a YAML or JSON text; an empty one is an empty object. On errors, adds them to `problems`
 * with line and column, and returns null. No reason quotes the text, which may hold secrets.
 */
export function parseYaml(source: string, text: string, problems: Problem[]): unknown {
  const read = readPlacedYaml(source, text);
  for (const { line, column, reason, path } of read.problems) {
    const place = `line ${line}, column ${column}`;
    problems.push({ source, path: path ? `${place}: ${path}` : place, reason });
  }
  return read.value;
}
