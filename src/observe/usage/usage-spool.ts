import { link, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withoutBodies } from './row-bodies.js';
import type { UsageRow } from './usage-row.js';

interface SpoolFile {
  name: string;
  rows: number;
  bytes: number;
  /** True while its rows are being stored. */
  isTaken: boolean;
}

/**
 * Rows that memory has no room for, or that must survive the process: a folder of files, one per
 * batch, oldest first. A file appears complete and is removed once its rows are stored, so a crash
 * at any moment loses none. The table's `uid` keeps a row from being stored twice.
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

  /** Opens the folder with the files that an earlier process has left. */
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

  /** Batches not taken. */
  get waiting(): number {
    return this.#files.filter(({ isTaken }) => !isTaken).length;
  }

  /**
   * Adds a batch at the end; returns false and adds nothing when there is no room. Bodies may fill
   * only half of the room, so that they do not crowd out rows.
   */
  async append(rows: readonly UsageRow[]): Promise<boolean> {
    const used = this.#files.reduce((sum, file) => sum + file.bytes, 0);
    let text = linesOf(rows);
    if (used + Buffer.byteLength(text) > this.#maxBytes / 2)
      text = linesOf(rows.map(withoutBodies));
    const bytes = Buffer.byteLength(text);
    if (used + bytes > this.#maxBytes) return false;
    const temporary = join(this.#dir, `${process.pid}-${this.#next}.part`);
    await writeFile(temporary, text, { mode: 0o600, flush: true });
    const name = await this.#place(temporary, rows.length);
    this.#files.push({ name, rows: rows.length, bytes, isTaken: false });
    return true;
  }

  /** Moves a file to the next place that is free: during an upgrade another process adds files too. */
  async #place(temporary: string, rows: number): Promise<string> {
    for (;;) {
      const name = `${String(this.#next++).padStart(12, '0')}-${rows}.jsonl`;
      const isFree = await link(temporary, join(this.#dir, name)).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code !== 'EEXIST') throw error;
          return false;
        },
      );
      if (!isFree) continue;
      await rm(temporary);
      return name;
    }
  }

  /**
   * Takes the oldest free batch, which stays on disk until it is removed; null: none.
   * @throws the error of reading it; the batch can then be taken again.
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

/** Skips a damaged line, so that the lines after it are not lost. */
function parseRow(line: string): UsageRow[] {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}
