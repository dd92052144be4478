import { invisible } from '../../observe/visible.js';

/**
 * Writes a JSON value as YAML in block style, in time linear in its length. Texts other than plain
 * words are in double quotes, with invisible characters escaped.
 */
export function writeYaml(value: unknown): string {
  const lines: string[] = [];
  if (isBranch(value)) writeBranch(value, '', lines);
  else lines.push(leaf(value));
  return `${lines.join('\n')}\n`;
}

function writeBranch(branch: object, indent: string, lines: string[]): void {
  const isList = Array.isArray(branch);
  for (const [name, value] of Object.entries(branch)) {
    if (value === undefined) continue;
    const start = isList ? `${indent}-` : `${indent}${leaf(name)}:`;
    if (isBranch(value)) {
      lines.push(start);
      writeBranch(value, `${indent}  `, lines);
    } else lines.push(`${start} ${leaf(value)}`);
  }
}

/** True for a value that needs lines of its own. */
function isBranch(value: unknown): value is object {
  return value instanceof Object && Object.keys(value).length > 0;
}

function leaf(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  if ((plain.test(value) && !reserved.test(value)) || hash.test(value)) return value;
  const quoted = JSON.stringify(value);
  return printableAscii.test(quoted) ? quoted : quoted.replace(invisible, escaped);
}

const printableAscii = /^[\x20-\x7e]*$/;

/** Words that are plain strings in every version of YAML; no colon before a space or at the end. */
const plain = /^[A-Za-z_/](?:[\w./@+…-]|:(?=[\w/])| (?=[A-Za-z_]))*$/;
/** With a letter that cannot occur in a number. */
const hash = /^(?=.*[acdf])[0-9a-f]{64}$/;
const reserved = /^(?:y|yes|n|no|on|off|true|false|null)$/i;

/** YAML's escape, which has no surrogate pairs: `\u202e`, `\U000e0041`. */
function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  return code > 0xffff ? `\\U${hex.padStart(8, '0')}` : `\\u${hex.padStart(4, '0')}`;
}
