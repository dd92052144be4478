import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { visible } from '../observe/visible.js';
import type { Failure } from './failure.js';

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

/** A table's column. */
export interface Column<Row> {
  header: string;
  value: (row: Row) => string;
  align?: 'right';
  /** Minimum width to which it may be shortened with an ellipsis if the terminal is too narrow. */
  shrinkTo?: number;
  /** Names are shortened only so far that they still differ. */
  isName?: boolean;
}

/** Writes a line for people. */
export function print(text: string): void {
  process.stdout.write(`${forTerminal(text)}\n`);
}

/** Writes text for other programs: as it is, but on a terminal as `print` does. */
export function printData(text: string): void {
  process.stdout.write(process.stdout.isTTY ? dataForTerminal(text) : text);
}

/** Data for a terminal, which ends lines of CSV as others. */
export function dataForTerminal(text: string): string {
  return forTerminal(text.replace(/\r(?=\n|$)/g, ''));
}

/** Lines after the first are indented, so that a text from elsewhere cannot pass for a message. */
function indented(message: string): string {
  return message.replaceAll('\n', '\n  ');
}

/** Writes a result as JSON: on one line for scripts, indented on a terminal. */
export function printJson(value: unknown): void {
  print(jsonText(value));
}

/** The text that `printJson` writes. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, process.stdout.isTTY ? 2 : 0);
}

/** Writes a note for people that is not part of the result. */
export function note(text: string): void {
  process.stderr.write(`${forTerminal(text)}\n`);
}

/** Warns on stderr, as a JSON object with `--json`. */
export function warn(message: string, json: boolean | undefined): void {
  note(
    json
      ? JSON.stringify({ warning: { message } })
      : `${paint('yellow', 'warning:', process.stderr)} ${indented(message)}`,
  );
}

/** Warns of what the answer to a change names; undefined: a gateway from before there were warnings. */
export function warnEach(messages: readonly string[] | undefined, json: boolean | undefined): void {
  for (const message of messages ?? []) warn(message, json);
}

/** Prints on stderr why a command failed, and the hint. */
export function printFailure({ message, hint }: Failure, json: boolean): void {
  if (json) {
    note(JSON.stringify({ error: { message, ...(hint !== null && { hint }) } }));
    return;
  }
  note(`${paint('red', 'error:', process.stderr)} ${indented(message)}`);
  if (hint !== null) note(hint);
}

/**
 * An aligned table that fits the terminal; in a pipe nothing is shortened.
 * @returns its lines, as printed.
 */
export function printTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string[] {
  const lines = tableLines(rows, columns, outputWidth());
  for (const line of lines) print(line);
  return lines;
}

/** Width of the output: COLUMNS, else the terminal's; Infinity in a pipe. */
export function outputWidth(): number {
  const { COLUMNS = '' } = process.env;
  if (/^[1-9]\d{0,4}$/.test(COLUMNS)) return Number(COLUMNS);
  return process.stdout.columns ?? Number.POSITIVE_INFINITY;
}

/** Prints names and values, one per line, the values aligned and never shortened. */
export function printFields(fields: readonly (readonly [string, string])[]): void {
  const width = Math.max(...fields.map(([name]) => name.length));
  for (const [name, value] of fields) {
    print(`${paint('dim', name.padEnd(width))}  ${visible(value)}`);
  }
}

/** Styles a text if the stream is a terminal with colors. */
export function paint(
  style: Style,
  text: string,
  stream: { isTTY?: boolean } = process.stdout,
): string {
  if (!stream.isTTY || process.env.NO_COLOR || process.env.TERM === 'dumb') return text;
  const [on, off] = inspect.colors[style] ?? [];
  return `${mark}${on};${text}${mark}${off};`;
}

/** Placeholder for a style until output; random, so that no foreign text can contain it. */
const mark = `<style ${randomBytes(12).toString('hex')} `;
const styles = new RegExp(`${mark}(\\d+);`, 'g');

/**
 * Escapes a text for a terminal: only line breaks, tabs and the styles of `paint` take effect,
 * whatever it quotes.
 */
export function forTerminal(text: string): string {
  return text
    .split(/([\n\t])/)
    .map((part, index) => (index % 2 === 1 ? part : visible(part)))
    .join('')
    .replace(styles, '\u001b[$1m');
}

/** The lines of a table; `width` in terminal columns. */
export function tableLines<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number,
): string[] {
  const cells = rows.map((row) => columns.map((column) => visible(column.value(row))));
  const widths = fit(columns, cells, width);
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => pad(text, widths[index] ?? 0, columns[index]?.align))
      .join('  ')
      .trimEnd();
  const header = line(columns.map((column) => column.header));
  return [paint('bold', header), ...cells.map(line)];
}

/** Natural column widths, reduced in the widest shrinkable column until the table fits. */
function fit<Row>(
  columns: readonly Column<Row>[],
  cells: readonly string[][],
  width: number,
): number[] {
  const widths = columns.map(({ header }, index) =>
    cells.reduce((most, row) => Math.max(most, displayWidth(row[index] ?? '')), header.length),
  );
  const room = width - 2 * (columns.length - 1);
  let excess = widths.reduce((sum, each) => sum + each, 0) - room;
  if (excess <= 0) return widths;
  const least = columns.map(({ shrinkTo = 0, isName }, index) =>
    Math.max(shrinkTo, isName ? distinctWidth(cells.map((row) => row[index] ?? '')) : 0),
  );
  for (; excess > 0; excess--) {
    let widest = -1;
    for (const [index, { shrinkTo, header }] of columns.entries()) {
      const current = widths[index] ?? 0;
      if (shrinkTo === undefined) continue;
      if (current <= Math.max(least[index] ?? 0, header.length)) continue;
      if (widest < 0 || current > (widths[widest] ?? 0)) widest = index;
    }
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

/** The width at which texts that differ still do: their longest common start, one more, and the ellipsis. */
function distinctWidth(texts: readonly string[]): number {
  const sorted = [...new Set(texts)].sort().map((text) => [...text]);
  let width = 0;
  for (const [index, text] of sorted.slice(1).entries()) {
    const before = sorted[index] ?? [];
    const common = text.slice(
      0,
      text.findIndex((character, at) => character !== before[at]),
    );
    width = Math.max(width, displayWidth(common.join('')) + 2);
  }
  return width;
}

function pad(text: string, width: number, align: 'right' | undefined): string {
  const cut = displayWidth(text) > width ? `${takeColumns(text, width - 1)}…` : text;
  const space = ' '.repeat(Math.max(0, width - displayWidth(cut)));
  return align === 'right' ? space + cut : cut + space;
}

function takeColumns(text: string, width: number): string {
  let taken = '';
  let used = 0;
  for (const character of text) {
    used += displayWidth(character);
    if (used > width) break;
    taken += character;
  }
  return taken;
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Width of a text on a terminal: East Asian characters and emoji take two columns, marks none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text.replace(styles, '')) {
    if (wide.test(character)) width += 2;
    else if (!/\p{M}/u.test(character)) width += 1;
  }
  return width;
}

/** The words of a text in lines of this width; a longer word is not broken. */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of visible(text).split(/\s+/)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= columns) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
