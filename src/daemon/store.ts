import { setTimeout as pause } from 'node:timers/promises';
import type { Sql } from '../db/client.js';
import { type Database, type DatabaseOptions, openDatabase } from '../db/database.js';
import { describeDbUrl } from '../db/db-url.js';
import { migrateUp } from '../db/migrate.js';
import { GatewayError } from '../errors.js';
import type { Emit } from '../observe/event.js';

const firstRetryMs = 500;
const maxRetryMs = 5_000;

/**
 * The daemon's database, with its migrations applied, which may be away when the daemon starts.
 *
 * States: closed → open; or closed → trying again, until open.
 */
export class Store {
  readonly #options: Omit<DatabaseOptions, 'owner' | 'log'>;
  readonly #emit: Emit;
  readonly #stopped = new AbortController();
  #database: Database | null = null;
  #trying: Promise<void> = Promise.resolve();

  constructor(options: Omit<DatabaseOptions, 'owner' | 'log'>, emit: Emit) {
    this.#options = options;
    this.#emit = emit;
  }

  /** @throws GatewayError `unavailable` while it is not open. */
  get database(): Database {
    if (this.#database) return this.#database;
    throw new GatewayError('unavailable', 'The database does not answer.', {
      headers: { 'retry-after': '1' },
    });
  }

  /** @throws GatewayError `unavailable` while it is not open. */
  get sql(): Sql {
    return this.database.sql;
  }

  /** @throws GatewayError `unavailable` while it is not open. */
  get reports(): Sql {
    return this.database.reports;
  }

  /**
   * Runs what makes or drops tables.
   * @throws GatewayError `unavailable` while it is not open.
   */
  async asOwner<T>(use: (sql: Sql) => Promise<T>): Promise<T> {
    return await this.database.asOwner(use);
  }

  /** For messages, also while it is not open. */
  get dbUrl(): string {
    return this.#database?.dbUrl ?? this.#options.dbUrl ?? 'postgres:///llmproxy';
  }

  get isOpen(): boolean {
    return this.#database !== null;
  }

  /** True if it is the embedded database of the data directory. */
  get isEmbedded(): boolean {
    return this.#options.dbUrl === null;
  }

  /** @throws DatabaseError, SchemaTooNewError, or what else keeps it from being used. */
  async open(): Promise<void> {
    const startMs = performance.now();
    const database = await openDatabase({
      ...this.#options,
      owner: 'daemon',
      log: (reason) => this.#emit({ type: 'database_restarting', reason }),
    });
    try {
      const migrations = await database.asOwner(migrateUp);
      if (migrations.length > 0) {
        this.#emit({ type: 'migrations_applied', names: migrations.map(({ name }) => name) });
      }
    } catch (error) {
      await database.close();
      throw error;
    }
    this.#database = database;
    this.#emit({
      type: 'database_ready',
      database: describeDbUrl(database.dbUrl),
      embedded: database.embedded,
      tookMs: performance.now() - startMs,
    });
  }

  /** Retries until it is open, then calls `onOpen`. Reports each new reason of a failure. */
  openLater(onOpen: () => void): void {
    const { signal } = this.#stopped;
    let told = '';
    const failed = (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== told) this.#emit({ type: 'database_lost', reason });
      told = reason;
      return false;
    };
    const run = async () => {
      for (let retryMs = firstRetryMs; !signal.aborted; ) {
        await pause(retryMs, undefined, { signal }).catch(() => {});
        if (signal.aborted) return;
        if (await this.open().then(() => true, failed)) return onOpen();
        retryMs = Math.min(retryMs * 2, maxRetryMs);
      }
    };
    this.#trying = run();
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    await this.#trying;
    await this.#database?.close();
  }
}
