import { readFile } from 'node:fs/promises';
import type { PlacedProblem } from '../../config/yaml/yaml-places.js';
import type { ErrorProblem } from '../../errors.js';
import { counted } from '../../observe/counted.js';
import { visible } from '../../observe/visible.js';
import { CliError, errorMessage } from '../failure.js';

/** A document's name for messages, and its text. */
export interface DocumentFile {
  source: string;
  text: string;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
};

/** Reads a document; `-` is standard input. @param hint advice if there is none. */
export async function readDocumentFile(
  file: string,
  hint = 'write one with: llmproxy config export > llmproxy-config.yaml',
): Promise<DocumentFile> {
  if (file === '-') {
    let text = '';
    for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk;
    return { source: 'standard input', text };
  }
  try {
    return { source: file, text: await readFile(file, 'utf8') };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const reason = reasons[code] ?? errorMessage(error);
    throw new CliError(`${file}: ${reason}`, { hint });
  }
}

/** Such as `file.yaml:3:5: providers.openai: unknown field "wieght"; did you mean "weight"?`. */
export function problemText({ source, line, column, path, reason }: PlacedProblem): string {
  return visible(`${source}:${line}:${column}: ${path ? `${path}: ` : ''}${reason}`);
}

/** The error for an invalid document: its first problems, one per line. */
export function documentError(source: string, problems: readonly ErrorProblem[]): CliError {
  const lines = problems.map((problem) => problemText({ source, ...problem }));
  return new CliError(`the document has ${counted(lines.length, 'problem')}\n${lines.join('\n')}`);
}
