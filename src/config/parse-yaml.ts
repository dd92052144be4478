import { LineCounter, parseDocument } from 'yaml';
import type { Problem } from './problem.js';

/**
 * The content of a YAML document (JSON is a part of YAML); an empty document is an empty object.
 * What is wrong goes to `problems`, with its line and column, and null is returned. No reason
 * quotes the document, where secrets are.
 */
export function parseYaml(source: string, text: string, problems: Problem[]): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  for (const error of document.errors) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    const path = `line ${line}, column ${col}`;
    problems.push({ source, path, reason: withoutText(error.message) });
  }
  if (document.errors.length > 0) return null;
  try {
    return document.toJS() ?? {};
  } catch (error) {
    // Aliases are resolved only here: one that is unknown, or one that repeats without end.
    const reason = error instanceof Error ? error.message : String(error);
    problems.push({ source, path: '', reason: withoutText(reason) });
    return null;
  }
}

/** A message of the parser, which quotes the document after a colon or a backslash. */
export function withoutText(message: string): string {
  return message.replace(/(?:: | ?\\).*$/s, '');
}
