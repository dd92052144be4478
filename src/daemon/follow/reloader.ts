import type { ActiveConfiguration } from '../../admin/control.js';
import type { ChangeAuthor } from '../../changes/change-control.js';
import { type ConfigurationParts, newProblems } from '../../changes/new-problems.js';
import type { Configuration, Provider } from '../../config/configuration.js';
import { mergeConfiguration, mergeCredentials } from '../../config/merge.js';
import { type OverrideFile, parseOverride } from '../../config/overrides.js';
import { ConfigError, describeProblem, type Problem } from '../../config/problem.js';
import type { Emit } from '../../observe/event.js';
import { type KnownChange, reusingRows } from '../../routing/configuration-change.js';
import { ContentHash } from './content-hash.js';
import type { RowsNow } from './row-reader.js';

/** Changes within this time are read together. */
const debounceMs = 50;

/** Outcome of the last reload, and the time of the last success: wall clock, milliseconds. */
export interface LastReload {
  successful: boolean;
  lastSuccessAt: number | null;
}

interface ReloaderOptions extends ConfigurationParts {
  /**
   * Like `readRows`, but reads only changed rows if possible. Absent: it never is.
   * @param whole reads all of them.
   */
  readChanged?: (whole: boolean) => Promise<RowsNow>;
  /** The `version` that `readRows` would return: equal versions have equal rows. */
  readVersion: () => Promise<number>;
  /**
   * Resolves references of the merged configuration: prices, and secrets, which may disable a
   * provider.
   */
  resolve?: (configuration: Configuration, rows: Configuration) => Promise<Configuration>;
  /**
   * Sends a configuration to all workers; resolves when each uses it.
   * @param change null: anything may have changed.
   */
  publish: (
    configuration: Configuration,
    hash: string,
    change: KnownChange | null,
  ) => Promise<void>;
  /**
   * Called after each reload with the active configuration, even if unchanged, and the rows that it
   * was built from.
   */
  activated: (
    configuration: Configuration,
    rows: Configuration,
    change: KnownChange | null,
  ) => void;
  emit: Emit;
}

/**
 * Turns hints of a change into active configurations, one at a time. Hints carry no content:
 * everything is read again. A failure leaves the active configuration unchanged.
 *
 * States: idle → (mark) waiting for more hints → reading → idle, or waiting again when a hint came
 * while reading.
 */
export class Reloader {
  readonly #options: ReloaderOptions;
  #active: ActiveConfiguration | null = null;
  /** The rows read last, even if they could not be used. */
  #rows: Configuration | null = null;
  /** The last valid configuration, with its secrets as stored, and its sources. */
  #lastRead: { merged: Configuration; rows: Configuration; files: OverrideFile[] } | null = null;
  #content: ContentHash | null = null;
  /** True if the next read must cover all rows. */
  #isWholeWanted = false;
  #checking: Promise<unknown> = Promise.resolve();
  /** True if the last reload failed: recovery is reported even when nothing changed. */
  #failed = false;
  #lastSuccessAt: number | null = null;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<unknown> = Promise.resolve();
  /** The reload queued behind the current one: it covers everything marked meanwhile. */
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

  /**
   * Notes that something may have changed. Never throws; errors become events.
   * @param whole changes may have been missed: reads all rows.
   */
  mark(whole = false): void {
    if (this.#stopped) return;
    this.#isWholeWanted ||= whole;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.reload().catch(() => {});
    }, debounceMs);
  }

  /**
   * Reloads, after any reload in progress.
   * @param whole reads all rows, not only those known to have changed.
   * @returns the configuration that is active then.
   * @throws ConfigError, or what reading threw; both were emitted.
   */
  reload(whole = false): Promise<ActiveConfiguration> {
    this.#isWholeWanted ||= whole;
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
   * Resolves the secrets of the last read again, after a change of cloud credentials. Needs no
   * database. Never throws.
   */
  renew(): Promise<void> {
    const renewed = this.#running.then(() => this.#renew()).catch(() => {});
    this.#running = renewed;
    return renewed;
  }

  /**
   * Problems that a change of rows would add to the configuration; for changes made by others than
   * users of this machine. Activates nothing. Checks run one at a time, since each holds all rows.
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

  /** Stops; no reload starts after this. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#running;
  }

  async #reload(): Promise<ActiveConfiguration> {
    const { emit, publish, activated } = this.#options;
    const startMs = performance.now();
    try {
      const { configuration, rows, change } = await this.#read();
      const content =
        change && this.#content
          ? this.#content.changed(configuration, change)
          : ContentHash.of(configuration, this.#content);
      const hash = content.hex;
      const changed = hash !== this.#active?.hash;
      if (changed) await publish(configuration, hash, change);
      const since = changed ? new Date() : (this.#active?.since ?? new Date());
      this.#active = { configuration, hash, since };
      this.#content = content;
      this.#lastSuccessAt = Date.now();
      activated(configuration, rows, change);
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
    const change = { removed: [], added: [], hasOthers: true };
    const configuration = await this.#resolved(read.merged, read.rows);
    const content = ContentHash.of(configuration, this.#content);
    const hash = content.hex;
    if (hash === active.hash) return;
    await publish(configuration, hash, change);
    this.#active = { configuration, hash, since: active.since };
    this.#content = content;
    activated(configuration, read.rows, change);
  }

  async #currentRows(): Promise<Configuration> {
    const { readRows, readVersion } = this.#options;
    const version = await readVersion();
    // A change that is not active yet: a reload reads it alone, and not all rows.
    if (this.#rows?.version !== version) await this.reload().catch(() => {});
    // Newer ones will do; after a failure they may be older.
    if (!this.#rows || this.#rows.version < version) this.#rows = await readRows();
    return this.#rows;
  }

  async #read(): Promise<{
    configuration: Configuration;
    rows: Configuration;
    change: KnownChange | null;
  }> {
    const { readOverrides, privateAddresses } = this.#options;
    const whole = this.#isWholeWanted || this.#failed;
    this.#isWholeWanted = false;
    const [{ rows, change }, files] = await Promise.all([this.#readRows(whole), readOverrides()]);
    const last = this.#lastRead;
    // The change is complete only relative to a valid configuration.
    const isKnown = change !== null && last?.rows === this.#rows && areSame(last?.files, files);
    this.#rows = rows;
    const problems: Problem[] = [];
    const overrides = files.map((file) => parseOverride(file, problems));
    if (problems.length > 0) throw new ConfigError(problems);
    // An override file may change a database credential, or define the same key.
    const isApart = overrides.every(({ credentials }) => credentials.size === 0);
    if (isKnown && last && this.#active && (isApart || isEmpty(change))) {
      const { merged: configuration } = last;
      if (change.hasOthers) {
        const valid = { configuration, added: change.added };
        const merged = mergeConfiguration(rows, overrides, privateAddresses, valid);
        this.#lastRead = { merged, rows, files };
        return { configuration: await this.#resolved(merged, rows), rows, change };
      }
      const merged = isEmpty(change)
        ? { ...configuration, version: rows.version }
        : mergeCredentials(configuration, rows, change.added);
      this.#lastRead = { merged, rows, files };
      // The secrets of all others are as they were.
      const { credentials, version } = merged;
      return {
        configuration: { ...this.#active.configuration, credentials, version },
        rows,
        change,
      };
    }
    const merged = mergeConfiguration(rows, overrides, privateAddresses);
    this.#lastRead = { merged, rows, files };
    return { configuration: await this.#resolved(merged, rows), rows, change: null };
  }

  async #resolved(merged: Configuration, rows: Configuration): Promise<Configuration> {
    const { resolve } = this.#options;
    const configuration = resolve ? await resolve(merged, rows) : merged;
    const before = this.#active?.configuration.providers;
    const nameOf = (provider: Provider) => provider.provider_key;
    const providers = reusingRows(before, configuration.providers, nameOf);
    return { ...configuration, providers };
  }

  async #readRows(whole: boolean): Promise<RowsNow> {
    const { readChanged, readRows } = this.#options;
    return readChanged ? await readChanged(whole) : { rows: await readRows(), change: null };
  }
}

function isEmpty({ removed, added, hasOthers }: KnownChange): boolean {
  return removed.length + added.length === 0 && !hasOthers;
}

function areSame(before: readonly OverrideFile[] = [], after: readonly OverrideFile[]): boolean {
  return (
    before.length === after.length &&
    after.every(({ path, text }, place) => {
      const old = before[place];
      return old?.path === path && old.text === text;
    })
  );
}
