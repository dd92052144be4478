import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { stringify } from 'yaml';
import { hashKey, previewKey } from '../../src/config/secrets/credential-key.js';
import type { Sql } from '../../src/db/client.js';
import { findPostmaster, ownerOf } from '../../src/db/embedded/postmaster.js';
import { llmproxy, type Outcome, type RunOptions } from '../cli/llmproxy.js';
import { type DaemonProcess, spawnDaemon } from './daemon-process.js';
import { testDatabase, testDirectory } from './postgres.js';
import { isRunning, until } from './until.js';

export interface DaemonOptions {
  engine?: 'net' | 'hyper-express' | 'node' | 'auto';
  /** Descriptor of a socket, passed as systemd does. */
  listenFd?: number;
  /** Another `bin/llmproxy.js` than this build's. */
  program?: string;
  /** One by default. */
  workers?: number;
  /** `embedded`, or a Postgres to use; by default a fresh database of the test's server. */
  database?: 'embedded' | { dbUrl: string; sql: Sql };
  /** Home of an earlier daemon, to reuse its data. */
  home?: string;
  port?: number;
  /** Loopback by default. */
  host?: string;
  /** Content of the settings file. */
  settings?: Record<string, unknown>;
  env?: Record<string, string>;
  adminKey?: 'set' | 'generated';
}

/** The values of `llmproxy provider add`, as a row. */
export interface ProviderFields {
  provider_type?: string;
  api_base: string;
  api_key?: string;
  model_mapping?: Record<string, string>;
  weight?: number;
  provider_params?: object;
  is_enabled?: boolean;
}

export interface KeyFields {
  allowed_models?: string[];
  rate_limit?: number | null;
  is_enabled?: boolean;
  store_bodies?: boolean;
}

/** A daemon in its own folder: `data`, `config/llmproxy.yaml`, `config/overrides.d`. */
export interface StartingDaemon extends DaemonProcess {
  readonly home: string;
  readonly dataDir: string;
  readonly overridesDir: string;
  /** The test's own connection to the database; absent where that is embedded. */
  readonly sql: Sql;
  readonly dbUrl: string | null;
  /** Texts that must appear in no log; the cleanup of the test asserts it. */
  readonly secrets: Set<string>;
  /** Runs another command of the CLI with this daemon's settings. */
  cli(args: string[], options?: RunOptions): Promise<Outcome>;
}

export interface Daemon extends StartingDaemon {
  readonly url: string;
  readonly port: number;
  readonly adminKey: string;
  /** Inserts a row; it is active after `reload`, or soon by itself. */
  addProvider(key: string, fields: ProviderFields): Promise<void>;
  /** Inserts a row and returns the key. */
  addKey(name: string, fields?: KeyFields): Promise<string>;
  /** Resolves when every worker uses the rows of the database. */
  reload(): Promise<void>;
  /** Sends SIGTERM and resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** Starts the real daemon and waits until it is ready. Removes all of it after the test. */
export async function startDaemon(t: TestContext, options: DaemonOptions = {}): Promise<Daemon> {
  const starting = await spawnServe(t, options);
  const url = String((await starting.waitFor('ready')).url);
  const { dataDir, secrets } = starting;
  const adminKey =
    options.adminKey === 'generated'
      ? readFileSync(join(dataDir, 'admin-key'), 'utf8').trim()
      : setAdminKey;
  secrets.add(adminKey);

  return Object.assign(starting, {
    url,
    port: Number(new URL(url).port),
    adminKey,
    async addProvider(provider_key: string, fields: ProviderFields) {
      const { model_mapping = {}, provider_params = {}, ...columns } = fields;
      const row = { provider_key, api_key: `sk-provider-${randomBytes(9).toString('hex')}` };
      const all = { ...row, ...columns };
      secrets.add(all.api_key);
      const { sql } = starting;
      await sql`
        INSERT INTO providers ${sql({
          ...all,
          model_mapping: sql.json(model_mapping),
          provider_params: sql.json(JSON.parse(JSON.stringify(provider_params))),
        })}`;
    },
    async addKey(name: string, { allowed_models = ['*'], ...columns }: KeyFields = {}) {
      const key = `sk-client-${randomBytes(12).toString('hex')}`;
      secrets.add(key);
      const hashed = { credential_key: hashKey(key), key_preview: previewKey(key), name };
      const { sql } = starting;
      await sql`
        INSERT INTO credentials ${sql({
          ...hashed,
          ...columns,
          allowed_models: sql.json(allowed_models),
        })}`;
      return key;
    },
    async reload() {
      const answer = await fetch(`${url}/admin/v1/config/reload`, {
        method: 'POST',
        headers: { authorization: `Bearer ${adminKey}` },
      });
      assert.equal(answer.status, 200, await answer.text());
    },
    async stop() {
      starting.kill('SIGTERM');
      return (await starting.exited).code;
    },
  });
}

const setAdminKey = `admin-${randomBytes(12).toString('hex')}`;

/** Starts the real daemon without waiting; `exited` resolves if it fails. */
export async function spawnServe(
  t: TestContext,
  options: DaemonOptions = {},
): Promise<StartingDaemon> {
  const { engine = 'auto', workers = 1, home = testDirectory() } = options;
  const { host = '127.0.0.1', port = 0 } = options;
  const database = options.database ?? (await testDatabase(t));
  const own = database === 'embedded' ? null : database;
  const dataDir = join(home, 'data');
  const overridesDir = join(home, 'config/overrides.d');
  const config = join(home, 'config/llmproxy.yaml');
  mkdirSync(join(home, 'config'), { recursive: true });
  // Off by default, since providers of tests count requests; only discovery's own test turns it on.
  const health = { discover_models_ms: 0, ...(options.settings?.health ?? {}) };
  // A busy machine delays event loops. That must not have requests of other tests refused.
  const limits = { max_event_loop_delay_ms: 60_000, ...(options.settings?.limits ?? {}) };
  writeFileSync(config, stringify({ ...options.settings, health, limits }));
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    LLMPROXY_CONFIG: config,
    LLMPROXY_DATA_DIR: dataDir,
    ...(process.env.TMPDIR === undefined ? {} : { TMPDIR: process.env.TMPDIR }),
    ...(own ? { DB_URL: own.dbUrl } : {}),
    ...(options.adminKey === 'generated' ? {} : { ADMIN_KEY: setAdminKey }),
    ...options.env,
  };
  const secrets = new Set<string>(['#sign-in=once-']);
  const args = ['--host', host, '--port', String(port), '--log-level', 'debug'];
  args.push('--engine', engine, '--workers', String(workers));
  const process_ = spawnDaemon(args, home, env, options.listenFd ?? null, options.program);
  t.after(async () => {
    const server = existsSync(dataDir) ? findPostmaster(join(dataDir, 'postgres/data')) : null;
    await process_.end();
    if (server && ownerOf(server)?.pid === process_.pid) {
      await until('the end of PostgreSQL', () => !isRunning(server.pid), 20_000);
    }
    for (const secret of secrets) {
      assert.ok(!process_.output().includes(secret), `a secret in the log: ${secret}`);
    }
  });
  return {
    ...process_,
    home,
    dataDir,
    overridesDir,
    dbUrl: own?.dbUrl ?? null,
    get sql() {
      if (!own) throw new Error('an embedded database has no test connection');
      return own.sql;
    },
    secrets,
    cli: (command, run = {}) =>
      llmproxy(command, { cwd: home, ...run, env: { ...env, ...run.env } }),
  };
}

/** Process id of the embedded PostgreSQL of this data directory, or null when it has none. */
export function postmasterPid(dataDir: string): number | null {
  try {
    const file = join(dataDir, 'postgres/data/postmaster.pid');
    return Number(readFileSync(file, 'utf8').split('\n')[0]);
  } catch {
    return null;
  }
}
