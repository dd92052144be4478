import type { ActiveConfiguration } from '../../admin/control.js';
import type { ChangeAuthor } from '../../changes/change-control.js';
import { type ConfigurationParts, newProblems } from '../../changes/new-problems.js';
import type { Configuration } from '../../config/configuration.js';
import { mergeConfiguration, mergeCredentials } from '../../config/merge.js';
import { type Override, type OverrideFile, parseOverride } from '../../config/overrides.js';
import { ConfigError, describeProblem, type Problem } from '../../config/problem.js';
import type { Emit } from '../../observe/event.js';
import type { CredentialChange } from '../../routing/configuration-change.js';
import { ContentHash } from './content-hash.js';
import type { RowsChange, RowsNow } from './row-reader.js';

/** Changes that come together are read together. */
const debounceMs = 50;

/** Outcome of the last reload, and the time of the last success: wall clock, milliseconds. */
export interface LastReload {
  successful: boolean;
  lastSuccessAt: number | null;
}

interface ReloaderOptions extends ConfigurationParts {
  /**
   * Reads rows as `readRows` does, but where it can, only those that have changed. Absent: it never
   * can. @param whole reads all of them.
   */
  readChanged?: (whole: boolean) => Promise<RowsNow>;
  /** `version` of what `readRows` would return: rows of the same version are the same. */
  readVersion: () => Promise<number>;
  /** Finds what the merged configuration only names: secrets, which may disable a provider, prices. */
  resolve?: (configuration: Configuration, rows: Configuration) => Promise<Configuration>;
  /**
   * Gives a configuration to all workers and resolves when each uses it.
   * @param change all there is of it, where that is known; null: anything may have changed.
   */
  publish: (
    configuration: Configuration,
    hash: string,
    change: CredentialChange | null,
  ) => Promise<void>;
  /**
   * Called with what is active after each reload, also where nothing has changed, and with the rows
   * that it was made of.
   */
  activated: (
    configuration: Configuration,
    rows: Configuration,
    change: CredentialChange | null,
  ) => void;
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
  /** The last valid configuration, with its secrets as stored, and what it was made of. */
  #lastRead: { merged: Configuration; rows: Configuration; files: OverrideFile[] } | null = null;
  #content: ContentHash | null = null;
  /** True where the next read is of all rows. */
  #isWholeWanted = false;
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

  /**
   * Something may have changed. Never throws; what is wrong becomes an event.
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
   * Reads what there is now, after any reload that is under way.
   * @param whole reads all rows, not only those that are known to have changed.
   * @returns what is active then.
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
      const { configuration, rows, change } = await this.#read();
      const content =
        change && this.#content
          ? this.#content.changed(configuration.credentials, change)
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
    const configuration = await resolve(read.merged, read.rows);
    const content = ContentHash.of(configuration, this.#content);
    const hash = content.hex;
    if (hash === active.hash) return;
    await publish(configuration, hash, null);
    this.#active = { configuration, hash, since: active.since };
    this.#content = content;
    activated(configuration, read.rows, null);
  }

  async #currentRows(): Promise<Configuration> {
    const { readRows, readVersion } = this.#options;
    if (this.#rows?.version !== (await readVersion())) this.#rows = await readRows();
    return this.#rows as Configuration;
  }

  async #read(): Promise<{
    configuration: Configuration;
    rows: Configuration;
    change: CredentialChange | null;
  }> {
    const { readOverrides, resolve, privateAddresses } = this.#options;
    const whole = this.#isWholeWanted || this.#failed;
    this.#isWholeWanted = false;
    const [{ rows, change }, files] = await Promise.all([this.#readRows(whole), readOverrides()]);
    const last = this.#lastRead;
    // Only the difference to a valid configuration says what has changed of it.
    const isKnown = change !== null && last?.rows === this.#rows && areSame(last?.files, files);
    this.#rows = rows;
    const problems: Problem[] = [];
    const overrides = files.map((file) => parseOverride(file, problems));
    if (problems.length > 0) throw new ConfigError(problems);
    if (isKnown && last && this.#active && isOfCredentials(change, overrides)) {
      const merged = mergeCredentials(last.merged, rows, change.added);
      this.#lastRead = { merged, rows, files };
      // Their secrets are as they were.
      const { credentials, version } = merged;
      return {
        configuration: { ...this.#active.configuration, credentials, version },
        rows,
        change,
      };
    }
    const merged =
      isKnown && last && isEmpty(change)
        ? { ...last.merged, version: rows.version }
        : mergeConfiguration(rows, overrides, privateAddresses);
    this.#lastRead = { merged, rows, files };
    const configuration = resolve ? await resolve(merged, rows) : merged;
    return { configuration, rows, change: null };
  }

  async #readRows(whole: boolean): Promise<RowsNow> {
    const { readChanged, readRows } = this.#options;
    return readChanged ? await readChanged(whole) : { rows: await readRows(), change: null };
  }
}

function isEmpty({ removed, added, hasOthers }: RowsChange): boolean {
  return removed.length + added.length === 0 && !hasOthers;
}

/** An override file may change a credential of the database, or have the same key. */
function isOfCredentials(change: RowsChange, overrides: readonly Override[]): boolean {
  const isElsewhere = overrides.some(({ credentials }) => credentials.size > 0);
  return !change.hasOthers && !isEmpty(change) && !isElsewhere;
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
