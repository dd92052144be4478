import { createHash } from 'node:crypto';
import type { ActiveConfiguration } from '../../admin/control.js';
import type { ChangeAuthor } from '../../changes/change-control.js';
import { type ConfigurationParts, newProblems } from '../../changes/new-problems.js';
import type { Configuration, Provider } from '../../config/configuration.js';
import { mergeConfiguration } from '../../config/merge.js';
import { parseOverride } from '../../config/overrides.js';
import { ConfigError, describeProblem, type Problem } from '../../config/problem.js';
import type { Emit } from '../../observe/event.js';

/** Changes that come together are read together. */
const debounceMs = 50;

/** Outcome of the last reload, and the time of the last success: wall clock, milliseconds. */
export interface LastReload {
  successful: boolean;
  lastSuccessAt: number | null;
}

interface ReloaderOptions extends ConfigurationParts {
  /** `version` of what `readRows` would return: rows of the same version are the same. */
  readVersion: () => Promise<number>;
  /** Finds what the merged configuration only names: secrets, which may disable a provider, prices. */
  resolve?: (configuration: Configuration, rows: Configuration) => Promise<Configuration>;
  /** Gives a configuration to all workers and resolves when each uses it. */
  publish: (configuration: Configuration, hash: string) => Promise<void>;
  /**
   * Called with what is active after each reload, also where nothing has changed, and with the rows
   * that it was made of.
   */
  activated: (configuration: Configuration, rows: Configuration) => void;
  emit: Emit;
}

/**
 * Turns hints that something changed into active configurations, one at a time. A hint is never
 * believed: everything is read again. A failure leaves the active configuration as it is.
 *
 * States: idle → (mark) waiting for more hints → reading → idle, or waiting again when a hint came
 * while reading.
 */
export class Reloader {
  readonly #options: ReloaderOptions;
  #active: ActiveConfiguration | null = null;
  /** Those read last, also where they could not be used. */
  #rows: Configuration | null = null;
  /** The last valid configuration, with its secrets as stored. */
  #lastRead: { merged: Configuration; rows: Configuration } | null = null;
  #checking: Promise<unknown> = Promise.resolve();
  /** True if the last reload failed: recovery is reported even when nothing changed. */
  #failed = false;
  #lastSuccessAt: number | null = null;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<unknown> = Promise.resolve();
  /** The reload that waits for the one under way: what is marked meanwhile is read by it. */
  #next: Promise<ActiveConfiguration> | null = null;
  #stopped = false;

  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  get active(): ActiveConfiguration {
    if (!this.#active) throw new Error('no configuration is active yet');
    return this.#active;
  }

  get lastReload(): LastReload {
    return { successful: !this.#failed, lastSuccessAt: this.#lastSuccessAt };
  }

  /** Something may have changed. Never throws; what is wrong becomes an event. */
  mark(): void {
    if (this.#stopped) return;
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
    if (this.#next) return this.#next;
    const next = this.#running.then(() => {
      this.#next = null;
      return this.#reload();
    });
    this.#next = next;
    this.#running = next.catch(() => {});
    return next;
  }

  /**
   * Credentials of clouds have changed: resolves the secrets of what was read last again. Needs no
   * database. Never throws.
   */
  renew(): Promise<void> {
    const renewed = this.#running.then(() => this.#renew()).catch(() => {});
    this.#running = renewed;
    return renewed;
  }

  /**
   * Problems that a change of rows would add to the configuration; for
   * changes that come from elsewhere than this machine. Nothing is activated. One check after the
   * other: many at once, of many keys, would each hold all rows.
   * @throws what reading threw.
   */
  problemsOf(
    change: (rows: Configuration) => Configuration,
    author: Pick<ChangeAuthor, 'isCommand'>,
  ): Promise<Problem[]> {
    const parts = { ...this.#options, readRows: () => this.#currentRows() };
    const checked = this.#checking.then(() => newProblems(parts, change, author));
    this.#checking = checked.catch(() => {});
    return checked;
  }

  /** No reload starts after this. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#running;
  }

  async #reload(): Promise<ActiveConfiguration> {
    const { emit, publish, activated } = this.#options;
    const startMs = performance.now();
    try {
      const { configuration, rows } = await this.#read();
      const hash = contentHash(configuration);
      const changed = hash !== this.#active?.hash;
      if (changed) await publish(configuration, hash);
      const since = changed ? new Date() : (this.#active?.since ?? new Date());
      this.#active = { configuration, hash, since };
      this.#lastSuccessAt = Date.now();
      activated(configuration, rows);
      if (changed || this.#failed) {
        this.#failed = false;
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
      this.#failed = true;
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

  async #renew(): Promise<void> {
    const { publish, activated, resolve } = this.#options;
    const [read, active] = [this.#lastRead, this.#active];
    if (!read || !active || !resolve || this.#stopped) return;
    const configuration = await resolve(read.merged, read.rows);
    const hash = contentHash(configuration);
    if (hash === active.hash) return;
    await publish(configuration, hash);
    this.#active = { configuration, hash, since: active.since };
    activated(configuration, read.rows);
  }

  async #currentRows(): Promise<Configuration> {
    const { readRows, readVersion } = this.#options;
    if (this.#rows?.version !== (await readVersion())) this.#rows = await readRows();
    return this.#rows as Configuration;
  }

  async #read(): Promise<{ configuration: Configuration; rows: Configuration }> {
    const { readRows, readOverrides, resolve, privateAddresses } = this.#options;
    const [rows, files] = await Promise.all([readRows(), readOverrides()]);
    this.#rows = rows;
    const problems: Problem[] = [];
    const overrides = files.map((file) => parseOverride(file, problems));
    if (problems.length > 0) throw new ConfigError(problems);
    const merged = mergeConfiguration(rows, overrides, privateAddresses);
    this.#lastRead = { merged, rows };
    return { configuration: resolve ? await resolve(merged, rows) : merged, rows };
  }
}

/** Hash of everything but the version: configurations that route alike have the same. */
function contentHash({ version, prices, providers, ...others }: Configuration): string {
  return createHash('sha256')
    .update(JSON.stringify([providers.map(withoutPrices), others]))
    .digest('hex');
}

/** A sheet of prices is long, and its revision says as much. */
function withoutPrices({ prices, ...provider }: Provider): object {
  return prices ? { ...provider, prices: prices.revision } : provider;
}
