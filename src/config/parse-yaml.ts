import type { Problem } from './problem.js';
import { readPlacedYaml } from './yaml-places.js';

/**
 * The content of a YAML text (JSON is a part of YAML); an empty one is an empty object. What is
 * wrong goes to `problems`, with its line and column, and null is returned. No reason quotes the
 * text, where secrets are.
 */
export function parseYaml(source: string, text: string, problems: Problem[]): unknown {
  const read = readPlacedYaml(source, text);
  for (const { line, column, reason, path } of read.problems) {
    const place = `line ${line}, column ${column}`;
    problems.push({ source, path: path ? `${place}: ${path}` : place, reason });
  }
  return read.value;
}
