import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withoutBodies } from './row-bodies.js';
import type { UsageRow } from './usage-row.js';

interface SpoolFile {
  name: string;
  rows: number;
  bytes: number;
  /** Whether somebody is storing its rows. */
  isTaken: boolean;
}

/**
 * Rows that the memory is too small, or too short-lived, for: a folder of files, each one batch,
 * oldest first. A file appears whole and goes when its rows are stored, so that a crash at any
 * moment loses none; that none is stored twice is the table's matter (`uid`).
 */
export class UsageSpool {
  readonly #dir: string;
  readonly #maxBytes: number;
  #files: SpoolFile[] = [];
  #next = 1;

  private constructor(dir: string, maxBytes: number) {
    this.#dir = dir;
    this.#maxBytes = maxBytes;
  }

  /** Opens the folder, with what an earlier process has left in it. */
  static async open(dir: string, maxBytes: number): Promise<UsageSpool> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const spool = new UsageSpool(dir, maxBytes);
    for (const name of (await readdir(dir)).sort()) {
      const [, sequence, rows] = /^(\d{12})-(\d+)\.jsonl$/.exec(name) ?? [];
      if (sequence === undefined) continue;
      const { size } = await stat(join(dir, name));
      spool.#files.push({ name, rows: Number(rows), bytes: size, isTaken: false });
      spool.#next = Number(sequence) + 1;
    }
    return spool;
  }

  /** Rows in all files. */
  get rows(): number {
    return this.#files.reduce((sum, { rows }) => sum + rows, 0);
  }

  /** Batches that nobody has taken. */
  get waiting(): number {
    return this.#files.filter(({ isTaken }) => !isTaken).length;
  }

  /**
   * Adds a batch at the end; false, and nothing is added, when there is no room for it. Bodies get
   * half of the room, so that rows find some when those are many.
   */
  async append(rows: readonly UsageRow[]): Promise<boolean> {
    const used = this.#files.reduce((sum, file) => sum + file.bytes, 0);
    let text = linesOf(rows);
    if (used + Buffer.byteLength(text) > this.#maxBytes / 2)
      text = linesOf(rows.map(withoutBodies));
    const bytes = Buffer.byteLength(text);
    if (used + bytes > this.#maxBytes) return false;
    const name = `${String(this.#next++).padStart(12, '0')}-${rows.length}.jsonl`;
    const temporary = join(this.#dir, `${name}.part`);
    await writeFile(temporary, text, { mode: 0o600, flush: true });
    await rename(temporary, join(this.#dir, name));
    this.#files.push({ name, rows: rows.length, bytes, isTaken: false });
    return true;
  }

  /**
   * The oldest batch that nobody has taken, which is there until it is removed; null: none.
   * @throws what keeps it from being read; it can be taken again then.
   */
  async take(): Promise<{ name: string; rows: UsageRow[] } | null> {
    const file = this.#files.find(({ isTaken }) => !isTaken);
    if (!file) return null;
    file.isTaken = true;
    try {
      const text = await readFile(join(this.#dir, file.name), 'utf8');
      return { name: file.name, rows: text.split('\n').flatMap(parseRow) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { name: file.name, rows: [] };
      file.isTaken = false;
      throw error;
    }
  }

  /** Forgets a batch that was taken. */
  async remove(name: string): Promise<void> {
    await rm(join(this.#dir, name), { force: true });
    this.#files = this.#files.filter((file) => file.name !== name);
  }
}

function linesOf(rows: readonly UsageRow[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

/** A line that the disk has damaged is worth less than all that follow it. */
function parseRow(line: string): UsageRow[] {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}
