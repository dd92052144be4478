import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type Sql } from './client.js';
import { DatabaseError } from './database-error.js';
import { socketDbUrl } from './db-url.js';
import {
  daemonRole,
  grantDaemon,
  passwordFile,
  readPasswords,
  rulesFile,
  setUpAccess,
  superuser,
  writeRules,
} from './embedded/access.js';
import { type Binaries, findBinaries } from './embedded/binaries.js';
import { ensureCluster } from './embedded/cluster.js';
import { closePlace, makeSocketDirectory, type Place, preparePlace } from './embedded/place.js';
import {
  findPostmaster,
  isAlive,
  nameFor,
  type Owner,
  ownerOf,
  type Postmaster,
} from './embedded/postmaster.js';
import { defaultMemoryMb, sizingFor } from './embedded/sizing.js';
import {
  adopt,
  type Hold,
  type PassedHold,
  type Supervised,
  supervise,
} from './embedded/supervisor.js';
import { isTransient, toDatabaseError } from './explain-error.js';

/** A PostgreSQL in the data directory, ready for queries. */
export interface EmbeddedPostgres {
  /** URL of the database `llmproxy` as its owner, for migrations. psql accepts it too. */
  dbUrl: string;
  /** The same with the role that does everything else. */
  daemonUrl: string;
  /** Stops the server if we started it. */
  stop(): Promise<void>;
  /** Calls back when a server that we started ends without `stop`. */
  onExit(callback: (reason: string) => void): void;
  /** Null if the server belongs to another process. */
  hold: Hold | null;
}

export interface EmbeddedOptions {
  /** Must exist. */
  dataDir: string;
  /**
   * A daemon always runs its own server, and stops it at once. A command uses one that a daemon or
   * another command runs; one that it starts itself ends after its last user.
   */
  owner: Owner['kind'];
  /** Set if the server runs and the replaced daemon has passed it on. */
  passed?: PassedHold | null;
  /** Server settings that override ours, such as `fsync=off` where data may be lost. */
  settings?: readonly string[];
  log?: (line: string) => void;
}

const database = 'llmproxy';
const patienceMs = 15_000;
/** Crash recovery may take this long. */
const maxStartMs = 60_000;
const pollMs = 10;
/** After this time a command leaves stopping its server to the supervisor. */
const maxSmartStopMs = 3_000;

const settings = [
  'listen_addresses=',
  'unix_socket_permissions=0700',
  'port=5432',
  'max_connections=50',
  'logging_collector=off',
  'log_destination=stderr',
  'fsync=on',
];

/**
 * Starts PostgreSQL in `<dataDir>/postgres`; a command may join one that runs there. Waits up to 15
 * s for temporary obstacles: a server that starts or stops, or another process that was faster.
 * @throws DatabaseError in one line that names the obstacle.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { log = () => {} } = options;
  const place = preparePlace(options.dataDir);
  if (options.passed) return await takeOver(options.passed, place);
  const binaries = await findBinaries(place.root, place.account);
  const giveUpAt = Date.now() + patienceMs;
  let told = '';
  for (;;) {
    const running = findPostmaster(place.data);
    const outcome = running
      ? await join(place, running, options.owner)
      : await start(place, binaries, { kind: options.owner, pid: process.pid }, options.settings);
    if (typeof outcome !== 'string') return outcome;
    if (Date.now() > giveUpAt) {
      throw new DatabaseError(`The PostgreSQL in ${place.root} cannot be used: ${outcome}`);
    }
    if (outcome !== told) log(outcome);
    told = outcome;
    await pause(2 * pollMs);
  }
}

/** Uses a server that already runs; returns a text if it cannot be used yet. */
async function join(
  place: Place,
  server: Postmaster,
  as: Owner['kind'],
): Promise<EmbeddedPostgres | string> {
  if (as === 'command') {
    if (server.status !== 'ready') return `its server (process ${server.pid}) is ${server.status}`;
    if (server.asksPasswords && !readPasswords(place)) {
      return `its server (process ${server.pid}) is being given passwords`;
    }
    return await ready(place, server, { stop: async () => {}, onExit: () => {}, hold: null });
  }
  const owner = ownerOf(server);
  if (owner && owner.pid !== process.pid && isAlive(owner.pid)) {
    if (owner.kind === 'command') {
      return `waiting for the server of a command (process ${owner.pid}) to end`;
    }
    throw new DatabaseError(
      `Another llmproxy daemon (process ${owner.pid}) runs on this data directory: stop it first`,
    );
  }
  if (owner && owner.pid !== process.pid) {
    // Its supervisor does the same, unless it was killed too.
    process.kill(server.pid, owner.kind === 'daemon' ? 'SIGINT' : 'SIGTERM');
  }
  return `waiting for a server that was left running (process ${server.pid}) to end`;
}

async function takeOver(passed: PassedHold, place: Place): Promise<EmbeddedPostgres> {
  const running = findPostmaster(place.data);
  if (running?.status !== 'ready') {
    throw new DatabaseError(`The PostgreSQL in ${place.root} is not ready to be taken over`);
  }
  const server = adopt(passed);
  let isOpen = false;
  const stop: Supervised['stop'] = async (...how) => {
    if (isOpen) await server.stop(...how);
    else server.hold.release();
  };
  const outcome = await own(place, { ...server, stop }, running, {
    kind: 'daemon',
    pid: process.pid,
  });
  isOpen = true;
  if (typeof outcome !== 'string') return outcome;
  throw new DatabaseError(`The PostgreSQL in ${place.root} cannot be taken over: ${outcome}`);
}

/** Starts a server of our own; returns a text if another process was faster. */
async function start(
  place: Place,
  binaries: Binaries,
  owner: Owner,
  more: readonly string[] = [],
): Promise<EmbeddedPostgres | string> {
  closePlace(place);
  await ensureCluster(place, binaries);
  const name = nameFor(owner, randomBytes(4).toString('hex'));
  const directory = makeSocketDirectory(place).replaceAll('"', '""');
  writeRules(place, readPasswords(place));
  const all = [
    ...settings,
    ...sizingFor(defaultMemoryMb),
    `unix_socket_directories="${directory}"`,
    `hba_file=${rulesFile(place.root)}`,
    `cluster_name=${name}`,
    ...more,
  ];
  const server = supervise(
    [binaries.postgres, '-D', place.data, ...all.flatMap((setting) => ['-c', setting])],
    place.account,
  );
  const giveUpAt = Date.now() + maxStartMs;
  while (!server.hasEnded()) {
    const running = findPostmaster(place.data);
    if (running?.name === name && running.status === 'ready') {
      return await own(place, server, running, owner);
    }
    if (Date.now() > giveUpAt) {
      await server.stop('fast');
      throw new DatabaseError(
        `PostgreSQL in ${place.data} was not ready in ${maxStartMs / 1000} s: ${server.logTail()}`,
      );
    }
    await pause(pollMs);
  }
  const reason = lastLines(server.logTail());
  if (/lock file|shared memory block/.test(reason)) return reason;
  throw new DatabaseError(`PostgreSQL in ${place.data} does not start: ${reason}`);
}

async function own(
  place: Place,
  server: Supervised,
  running: Postmaster,
  owner: Owner,
): Promise<EmbeddedPostgres | string> {
  let stopping = false;
  const stop = async () => {
    stopping = true;
    if (owner.kind === 'daemon') await server.stop('fast');
    else await server.stop('smart', maxSmartStopMs);
  };
  const onExit = (callback: (reason: string) => void) => {
    void server.ended.then(() => {
      if (!stopping) callback(`PostgreSQL has ended: ${lastLines(server.logTail())}`);
    });
  };
  const outcome = await ready(place, running, { stop, onExit, hold: server.hold });
  if (typeof outcome === 'string') await stop();
  return outcome;
}

/**
 * Makes sure that the database exists and answers. Access to it is set up by the server's owner.
 */
async function ready(
  place: Place,
  { socketDirectory, asksPasswords }: Postmaster,
  server: Pick<EmbeddedPostgres, 'stop' | 'onExit' | 'hold'>,
): Promise<EmbeddedPostgres | string> {
  let passwords = asksPasswords ? readPasswords(place) : null;
  const url = (name: string, role: typeof superuser | typeof daemonRole) =>
    `${socketDbUrl(socketDirectory, name, role)}${passwords ? `&password=${passwords[role]}` : ''}`;
  const urls = () => ({
    dbUrl: url(database, superuser),
    daemonUrl: url(database, passwords ? daemonRole : superuser),
  });
  const sql = connect(url('postgres', superuser), { max: 1 });
  try {
    const [found] = await sql`SELECT FROM pg_database WHERE datname = ${database}`;
    if (!found) await createDatabase(sql);
    if (asksPasswords && server.hold) {
      passwords ??= await setUpAccess(place, sql);
      await asOwner(urls().dbUrl, grantDaemon);
    }
    return { ...urls(), ...server };
  } catch (error) {
    if (isTransient(error)) return `its server is starting up or shutting down`;
    await server.stop();
    if (passwords && error instanceof Error && 'code' in error && error.code === '28P01') {
      const file = passwordFile(place.root);
      throw new DatabaseError(
        `The passwords in ${file} are not those of ${place.data}: remove ${file} while nothing ` +
          'runs here, and new ones are made',
        { cause: error },
      );
    }
    throw toDatabaseError(error, urls().dbUrl);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function createDatabase(sql: Sql): Promise<void> {
  try {
    await sql.unsafe(`CREATE DATABASE ${database}`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    // Another process created it at the same time.
    if (code !== '42P04' && code !== '23505') throw error;
  }
}

/** Runs `use` on a connection of its own, as the owner of the embedded database. */
export async function asOwner<T>(dbUrl: string, use: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = connect(dbUrl, { max: 1, applicationName: 'llmproxy owner' });
  try {
    return await use(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function lastLines(log: string): string {
  return log.split('\n').slice(-4).join(' ').replace(/\s+/g, ' ') || 'it wrote no reason';
}
