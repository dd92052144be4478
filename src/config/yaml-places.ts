import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { withoutText } from './parse-yaml.js';
import type { Problem } from './problem.js';

/** A problem with its place in the text, both counted from 1. */
export interface PlacedProblem extends Problem {
  line: number;
  column: number;
}

/** A YAML text, read, and where in it everything is. */
export interface PlacedYaml {
  /** Null where `problems` says why it could not be read. */
  value: unknown;
  problems: PlacedProblem[];
  /**
   * A problem at a path, such as `providers.openai.weight`: at its key, or at the nearest one above
   * that the text has. Names in the path may themselves have dots.
   */
  place(path: string, reason: string): PlacedProblem;
}

/** Reads a YAML text; an empty one is an empty object. No reason quotes it. */
export function readPlacedYaml(source: string, text: string): PlacedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number, path: string, reason: string): PlacedProblem => {
    const { line, col } = lines.linePos(offset);
    return { source, path, reason, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const place = (path: string, reason: string) =>
    at(offsetOf(document.contents as Node | null, path), path, reason);
  const problems = document.errors.map((error) =>
    at(error.pos[0], '', withoutText(error.message) || 'is not YAML'),
  );
  if (problems.length > 0) return { value: null, problems, place };
  try {
    return { value: document.toJS() ?? {}, problems, place };
  } catch (error) {
    // Aliases are resolved only here: one that is unknown, or one that repeats without end.
    const reason = withoutText(error instanceof Error ? error.message : String(error));
    return { value: null, problems: [at(0, '', reason)], place };
  }
}

function offsetOf(node: Node | null, path: string): number {
  let current = node;
  let rest = path;
  let offset = node?.range?.[0] ?? 0;
  while (rest !== '') {
    const step = stepInto(current, rest);
    if (!step) break;
    offset = step.offset;
    current = step.node;
    rest = rest.slice(step.length + 1);
  }
  return offset;
}

/** The longest name that the path begins with. */
function stepInto(node: Node | null, path: string) {
  let found: { node: Node | null; offset: number; length: number } | null = null;
  const consider = (name: string, value: Node | null, offset: number) => {
    const matches = path === name || path.startsWith(`${name}.`);
    if (matches && name.length > (found?.length ?? -1)) {
      found = { node: value, offset, length: name.length };
    }
  };
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      if (isScalar(key)) consider(String(key.value), value as Node | null, key.range?.[0] ?? 0);
    }
  } else if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) {
      consider(String(index), item as Node, (item as Node).range?.[0] ?? 0);
    }
  }
  return found as { node: Node | null; offset: number; length: number } | null;
}
