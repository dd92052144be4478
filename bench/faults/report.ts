import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Closers, createClosers } from '../closers.js';

/** Options of the command line, with their defaults: numbers and texts. */
export type Options = Record<string, number | string>;

type Row = Record<string, string | number>;

const tables: (readonly Row[])[] = [];

/**
 * Runs one measurement with the options of the command line, then runs the closers, also on an
 * interrupt. `--json FILE` writes options and tables to a file.
 */
export async function run<O extends Options>(
  defaults: O,
  measure: (options: O, closers: Closers) => Promise<void>,
): Promise<void> {
  const closers = createClosers();
  const interrupt = () => void closers.closeAll().then(() => process.exit(130));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const { options, jsonFile } = readOptions(defaults);
    await measure(options, closers);
    if (jsonFile) writeFileSync(jsonFile, `${JSON.stringify({ options, tables }, null, 2)}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  } finally {
    await closers.closeAll();
  }
}

/** Prints rows as one table, with the columns of the first row. */
export function printTable(rows: readonly Row[]): void {
  tables.push(rows);
  const [first] = rows;
  if (!first) return;
  const names = Object.keys(first);
  const cells = [names, ...rows.map((row) => names.map((name) => text(row[name])))];
  const widths = names.map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Prints progress for people; not part of the table. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function text(value: string | number | undefined): string {
  if (typeof value !== 'number') return value ?? '';
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 3 : 0);
}

function readOptions<O extends Options>(defaults: O): { options: O; jsonFile: string | null } {
  const names = [...Object.keys(defaults), 'json'];
  const known = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const { json, ...values } = parseArgs({ options: known }).values;
  const read = { ...defaults };
  for (const [name, value] of Object.entries(values)) {
    const given = typeof defaults[name] === 'string' ? value : Number(value);
    if (typeof given === 'number' && !(given >= 0)) throw new Error(`--${name}: must be a number`);
    Object.assign(read, { [name]: given });
  }
  return { options: read, jsonFile: json ?? null };
}
