import { createHash } from 'node:crypto';
import type { ActiveConfiguration } from '../admin/control.js';
import type { Configuration } from '../config/configuration.js';
import { mergeConfiguration } from '../config/merge.js';
import { type OverrideFile, parseOverride } from '../config/overrides.js';
import { ConfigError, describeProblem, type Problem } from '../config/problem.js';
import type { Emit } from '../observe/event.js';

/** Changes that come together are read together. */
const debounceMs = 50;

interface ReloaderOptions {
  /** Reads all rows, in one transaction. */
  readRows: () => Promise<Configuration>;
  readOverrides: () => Promise<OverrideFile[]>;
  /** Gives a configuration to all workers and resolves when each uses it. */
  publish: (configuration: Configuration, hash: string) => Promise<void>;
  emit: Emit;
}

/**
 * Turns hints that something changed into active configurations, one at a time. A hint is never
 * believed: everything is read anew. Whatever fails leaves the active configuration as it is.
 *
 * States: idle → (mark) waiting for more hints → reading → idle, or waiting again when a hint came
 * while reading.
 */
export class Reloader {
  readonly #options: ReloaderOptions;
  #active: ActiveConfiguration | null = null;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  get active(): ActiveConfiguration {
    if (!this.#active) throw new Error('no configuration is active yet');
    return this.#active;
  }

  /** Something may have changed. Never throws; what is wrong becomes an event. */
  mark(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.reload().catch(() => {});
    }, debounceMs);
  }

  /**
   * Reads everything now, after any reload that is under way.
   * @returns what is active then.
   * @throws ConfigError, or what reading threw; both were emitted.
   */
  reload(): Promise<ActiveConfiguration> {
    const next = this.#running.then(() => this.#reload());
    this.#running = next.catch(() => {});
    return next;
  }

  /** No reload starts after this. */
  async stop(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    await this.#running;
  }

  async #reload(): Promise<ActiveConfiguration> {
    const { emit, publish } = this.#options;
    const startMs = performance.now();
    try {
      const configuration = await this.#read();
      const hash = contentHash(configuration);
      const changed = hash !== this.#active?.hash;
      if (changed) await publish(configuration, hash);
      const since = changed ? new Date() : (this.#active?.since ?? new Date());
      this.#active = { configuration, hash, since };
      if (changed) {
        emit({
          type: 'config_active',
          version: configuration.version,
          hash: hash.slice(0, 12),
          providers: configuration.providers.length,
          credentials: configuration.credentials.length,
          tookMs: performance.now() - startMs,
        });
      }
      return this.#active;
    } catch (error) {
      if (error instanceof ConfigError) {
        emit({ type: 'config_rejected', problems: error.problems.map(describeProblem) });
      } else {
        emit({
          type: 'config_unread',
          reason: error instanceof Error ? error.message : `${error}`,
        });
      }
      throw error;
    }
  }

  async #read(): Promise<Configuration> {
    const { readRows, readOverrides } = this.#options;
    const [rows, files] = await Promise.all([readRows(), readOverrides()]);
    const problems: Problem[] = [];
    const overrides = files.map((file) => parseOverride(file, problems));
    if (problems.length > 0) throw new ConfigError(problems);
    return mergeConfiguration(rows, overrides);
  }
}

/** Of everything but the version: two configurations that route alike have the same. */
function contentHash({ providers, credentials }: Configuration): string {
  return createHash('sha256')
    .update(JSON.stringify([providers, credentials]))
    .digest('hex');
}
