import { type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bodyCharacters, withoutBodies } from './row-bodies.js';
import type { UsageRow } from './usage-row.js';
import type { UsageSpool } from './usage-spool.js';

/** So that the rows of one that waits long keep no more than these on disk. */
const segmentRows = 10_000;
const spoolRows = 1_000;

/** A file of rows that are removed together, once none of them waits in memory any more. */
interface Segment {
  path: string;
  file: FileHandle | null;
  rows: number;
  left: number;
  /** Values of rows that are still to be written. */
  unwritten: unknown[][];
}

/**
 * Copies of the rows that wait in memory, in files that survive the process, not the machine: what is
 * written is not flushed. Rows are written without their bodies, some microseconds after they came.
 * If the disk fails they are only in memory, as without a journal.
 */
export class UsageJournal {
  readonly #dir: string;
  readonly #owner: string;
  readonly #segmentOf = new Map<UsageRow, Segment>();
  #current: Segment | null = null;
  #segments = 0;
  #names: string[] = [];
  #valuesOf: (row: UsageRow) => unknown[] = () => [];
  #work: Promise<void> = Promise.resolve();

  /** @param owner names this process; letters, digits and `-`. */
  constructor(dir: string, owner: string) {
    this.#dir = dir;
    this.#owner = owner;
  }

  add(row: UsageRow): void {
    const segment = this.#current ?? this.#newSegment(row);
    this.#segmentOf.set(row, segment);
    segment.left++;
    segment.rows++;
    segment.unwritten.push(this.#valuesOf(bodyCharacters(row) === 0 ? row : withoutBodies(row)));
    // Those that come in the same turn are written at once.
    if (segment.unwritten.length === 1) this.#then(() => this.#write(segment));
    if (segment.rows === segmentRows) this.#current = null;
  }

  /** These rows are stored, dropped, or in the spool. */
  settle(rows: readonly UsageRow[]): void {
    for (const row of rows) {
      const segment = this.#segmentOf.get(row);
      if (!segment) continue;
      this.#segmentOf.delete(row);
      segment.left--;
      if (segment.left > 0) continue;
      if (this.#current === segment) this.#current = null;
      this.#then(async () => {
        await segment.file?.close();
        await rm(segment.path, { force: true });
      });
    }
  }

  /** Resolves when all is written and removed. */
  async close(): Promise<void> {
    await this.#work;
  }

  #newSegment(row: UsageRow): Segment {
    if (this.#segments === 0) {
      this.#names = Object.keys(row);
      this.#valuesOf = arrayOf(this.#names);
    }
    const path = join(this.#dir, `journal-${this.#owner}-${++this.#segments}.jsonl`);
    this.#current = { path, file: null, rows: 0, left: 0, unwritten: [] };
    return this.#current;
  }

  async #write(segment: Segment): Promise<void> {
    const lines = [segment.unwritten.splice(0)];
    if (segment.left === 0) return;
    if (segment.file === null) {
      segment.file = await open(segment.path, 'ax', 0o600);
      lines.unshift([this.#names]);
    }
    await segment.file.appendFile(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }

  #then(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch(() => {});
  }
}

/**
 * Moves the rows of journals whose processes have ended to the spool. Rows that had been stored since are
 * not stored again: they have the same `uid`.
 */
export async function recoverJournals(
  dir: string,
  spool: UsageSpool,
  isAlive: (owner: string) => boolean,
): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  for (const name of (await readdir(dir)).sort()) {
    const [, owner] = /^journal-([\w-]+)-\d+\.jsonl$/.exec(name) ?? [];
    if (owner === undefined || isAlive(owner)) continue;
    const rows = readJournal(await readFile(join(dir, name), 'utf8'));
    for (let at = 0; at < rows.length; at += spoolRows) {
      if (!(await spool.append(rows.slice(at, at + spoolRows)))) return;
    }
    await rm(join(dir, name));
  }
}

/** The last line may be cut. */
function readJournal(text: string): UsageRow[] {
  const [head, ...lines] = text.split('\n').flatMap((line): unknown[][][] => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
  const names = (head?.[0] ?? []) as string[];
  return lines.flat().map((values): UsageRow => {
    const entries = names.map((name, at) => [name, values[at]]);
    return Object.fromEntries(entries);
  });
}

/** Generated code takes a third of the time of a loop, and arrays a third of the time of objects. */
function arrayOf(names: readonly string[]): (row: UsageRow) => unknown[] {
  const values = names.map((name) => `row[${JSON.stringify(name)}]`);
  return new Function('row', `return [${values.join(', ')}];`) as (row: UsageRow) => unknown[];
}
