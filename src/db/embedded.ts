import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from './client.js';
import { DatabaseError } from './database-error.js';
import { socketDbUrl } from './db-url.js';
import { type Binaries, findBinaries } from './embedded/binaries.js';
import { ensureCluster, superuser } from './embedded/cluster.js';
import { makeSocketDirectory, type Place, preparePlace } from './embedded/place.js';
import {
  findPostmaster,
  isAlive,
  nameFor,
  type Owner,
  ownerOf,
  type Postmaster,
} from './embedded/postmaster.js';
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
  /** Of the database `llmproxy`. psql accepts the same string. */
  dbUrl: string;
  /** Ends the server if we started it, else does nothing. */
  stop(): Promise<void>;
  /** Calls back when a server that we started ends without `stop`. */
  onExit(callback: (reason: string) => void): void;
  /** Null where the server is another process's. */
  hold: Hold | null;
}

export interface EmbeddedOptions {
  /** Must exist. */
  dataDir: string;
  /**
   * A daemon always runs its own server and stops it at once. A command uses a daemon's or another
   * command's where one runs; its own ends when nobody uses it any more.
   */
  owner: Owner['kind'];
  /** The server runs, and the daemon that this one replaces has passed it on. */
  passed?: PassedHold | null;
  log?: (line: string) => void;
}

const database = 'llmproxy';
const patienceMs = 15_000;
/** Recovery after a crash may take this long. */
const maxStartMs = 60_000;
const pollMs = 10;
/** How long a command waits for its server to end before it leaves that to the supervisor. */
const maxSmartStopMs = 3_000;

const settings = [
  'listen_addresses=',
  'unix_socket_permissions=0700',
  'port=5432',
  'shared_buffers=32MB',
  'max_connections=50',
  'logging_collector=off',
  'log_destination=stderr',
  'fsync=on',
];

/**
 * Starts PostgreSQL in `<dataDir>/postgres`, or for a command joins the one that runs there. What
 * passes by itself is waited for, up to 15 s: a server that starts or stops, or another process
 * that was faster.
 * @throws DatabaseError in one line that says what is in the way.
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
      ? await join(running, options.owner)
      : await start(place, binaries, { kind: options.owner, pid: process.pid });
    if (typeof outcome !== 'string') return outcome;
    if (Date.now() > giveUpAt) {
      throw new DatabaseError(`The PostgreSQL in ${place.root} cannot be used: ${outcome}`);
    }
    if (outcome !== told) log(outcome);
    told = outcome;
    await pause(2 * pollMs);
  }
}

/** Uses a server that runs already; a string says why not yet. */
async function join(server: Postmaster, as: Owner['kind']): Promise<EmbeddedPostgres | string> {
  if (as === 'command') {
    if (server.status !== 'ready') return `its server (process ${server.pid}) is ${server.status}`;
    return await ready(
      server,
      async () => {},
      () => {},
      null,
    );
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
    // Its supervisor does the same, unless that was killed too.
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
  const outcome = await own({ ...server, stop }, running, { kind: 'daemon', pid: process.pid });
  isOpen = true;
  if (typeof outcome !== 'string') return outcome;
  throw new DatabaseError(`The PostgreSQL in ${place.root} cannot be taken over: ${outcome}`);
}

/** Starts a server of our own; a string says why another process was faster. */
async function start(
  place: Place,
  binaries: Binaries,
  owner: Owner,
): Promise<EmbeddedPostgres | string> {
  await ensureCluster(place, binaries);
  const name = nameFor(owner, randomBytes(4).toString('hex'));
  const directory = makeSocketDirectory(place).replaceAll('"', '""');
  const all = [...settings, `unix_socket_directories="${directory}"`, `cluster_name=${name}`];
  const server = supervise(
    [binaries.postgres, '-D', place.data, ...all.flatMap((setting) => ['-c', setting])],
    place.account,
  );
  const giveUpAt = Date.now() + maxStartMs;
  while (!server.hasEnded()) {
    const running = findPostmaster(place.data);
    if (running?.name === name && running.status === 'ready') {
      return await own(server, running, owner);
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
  const outcome = await ready(running, stop, onExit, server.hold);
  if (typeof outcome === 'string') await stop();
  return outcome;
}

/** Makes sure that the database exists and answers. */
async function ready(
  { socketDirectory }: Postmaster,
  stop: EmbeddedPostgres['stop'],
  onExit: EmbeddedPostgres['onExit'],
  hold: Hold | null,
): Promise<EmbeddedPostgres | string> {
  const dbUrl = socketDbUrl(socketDirectory, database, superuser);
  const sql = connect(socketDbUrl(socketDirectory, 'postgres', superuser), { max: 1 });
  try {
    const [found] = await sql`SELECT FROM pg_database WHERE datname = ${database}`;
    if (!found) await sql.unsafe(`CREATE DATABASE ${database}`);
    return { dbUrl, stop, onExit, hold };
  } catch (error) {
    if (isTransient(error)) return `its server is starting up or shutting down`;
    const code = error instanceof Error && 'code' in error ? error.code : '';
    // Another process created it at the same time.
    if (code === '42P04' || code === '23505') return { dbUrl, stop, onExit, hold };
    await stop();
    throw toDatabaseError(error, dbUrl);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function lastLines(log: string): string {
  return log.split('\n').slice(-4).join(' ').replace(/\s+/g, ' ') || 'it wrote no reason';
}
