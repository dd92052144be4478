import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Levels } from '../../limits/lease-owner.js';

interface Saved {
  /** Wall clock, milliseconds. */
  at: number;
  levels: Levels;
}

/**
 * The remaining limits of keys and teams, on this machine's disk: a daily limit would start
 * full after each restart otherwise.
 */
export class LimitLevels {
  readonly #file: string;
  #isEmpty = true;

  constructor(dataDir: string) {
    this.#file = join(dataDir, 'limits.json');
  }

  /** Reads the saved levels and their age in milliseconds; null if there are none of use. */
  load(): { levels: Levels; ageMs: number } | null {
    try {
      const { at, levels }: Saved = JSON.parse(readFileSync(this.#file, 'utf8'));
      return { levels, ageMs: Math.max(0, Date.now() - at) };
    } catch {
      return null;
    }
  }

  /** Does nothing where there was and is nothing to save. */
  save(levels: Levels): void {
    const isEmpty = Object.keys(levels).length === 0;
    if (isEmpty && this.#isEmpty) return;
    this.#isEmpty = isEmpty;
    const temporary = `${this.#file}.${process.pid}`;
    const saved: Saved = { at: Date.now(), levels };
    try {
      rmSync(temporary, { force: true });
      writeFileSync(temporary, JSON.stringify(saved), { mode: 0o600, flag: 'wx' });
      renameSync(temporary, this.#file);
    } catch {
      // A full disk must not stop the daemon: limits are then as full as after a first start.
    }
  }
}
