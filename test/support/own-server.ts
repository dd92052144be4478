import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connect, type Sql } from '../../src/db/client.js';
import { superuser } from '../../src/db/embedded/access.js';
import { findBinaries } from '../../src/db/embedded/binaries.js';
import { ensureCluster } from '../../src/db/embedded/cluster.js';
import { makeSocketDirectory, type Place, preparePlace } from '../../src/db/embedded/place.js';
import { findPostmaster } from '../../src/db/embedded/postmaster.js';
import { type Supervised, supervise } from '../../src/db/embedded/supervisor.js';
import { freePort } from './free-port.js';
import { until } from './until.js';

/** A test, or a measurement, that ends what it has started. */
export interface Hooks {
  after(close: () => Promise<void>): void;
}

/** A PostgreSQL for one test, on a loopback port, that the test may stop or make a standby. */
export interface OwnServer {
  readonly port: number;
  /** The socket, which is also reached from other network namespaces. */
  readonly socket: string;
  /** For the superuser and the database `postgres`; so is `sql`, for the test's own queries. */
  readonly dbUrl: string;
  readonly sql: Sql;
  readonly place: Place;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Ends it by SIGKILL, as a loss of its machine would. */
  kill(): void;
  /** Restarts it as a standby without a primary. */
  becomeStandby(): Promise<void>;
}

/** Starts a server, removed after the test. With `files` it offers TLS. */
export async function startOwnServer(
  t: Hooks,
  files?: { certificate: string; key: string },
): Promise<OwnServer> {
  const place = newPlace();
  await ensureCluster(place, await findBinaries(place.root, place.account));
  const rules = ['all', 'replication'].map((what) => `host ${what} all 127.0.0.1/32 trust\n`);
  rules.push('local all all trust\n');
  writeFileSync(join(place.data, 'pg_hba.conf'), rules.join(''));
  const tls: string[] = [];
  if (files) {
    for (const [name, file] of [
      ['server.crt', files.certificate],
      ['server.key', files.key],
    ] as const) {
      cpSync(file, join(place.data, name));
      chmodSync(join(place.data, name), 0o600);
    }
    own(place);
    tls.push('ssl=on');
  }
  const server = await serverIn(t, place, tls);
  await server.start();
  return server;
}

/** Starts a standby of this server, which is stopped for a moment to copy its files. */
export async function startStandby(t: Hooks, primary: OwnServer): Promise<OwnServer> {
  const place = newPlace();
  await primary.stop();
  cpSync(primary.place.data, place.data, { recursive: true });
  // Node 22 gives copied directories the default mode, which PostgreSQL refuses.
  chmodSync(place.data, 0o700);
  await primary.start();
  writeFileSync(join(place.data, 'standby.signal'), '');
  const from = `host=127.0.0.1 port=${primary.port} user=${superuser}`;
  appendFileSync(join(place.data, 'postgresql.auto.conf'), `\nprimary_conninfo = '${from}'\n`);
  own(place);
  const server = await serverIn(t, place);
  await server.start();
  return server;
}

function newPlace(): Place {
  const directory = mkdtempSync(join(tmpdir(), 'llmproxy-test-'));
  // The server's user must be able to enter it.
  chmodSync(directory, 0o755);
  const dataDir = join(directory, 'server');
  mkdirSync(dataDir);
  return preparePlace(dataDir);
}

/** Gives the files to the user that the server runs as. */
function own({ account, data }: Place): void {
  if (account) spawnSync('chown', ['-R', `${account.uid}:${account.gid}`, data]);
}

async function serverIn(t: Hooks, place: Place, more: readonly string[] = []): Promise<OwnServer> {
  const port = await freePort();
  const dbUrl = `postgres://${superuser}@127.0.0.1:${port}/postgres`;
  const sql = connect(dbUrl, { max: 2 });
  const { postgres } = await findBinaries(place.root, place.account);
  const sockets = makeSocketDirectory(place);
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`];
  settings.push(`unix_socket_directories=${sockets}`);
  settings.push('shared_buffers=16MB', 'max_connections=100', 'wal_keep_size=64MB', ...more);
  let running: Supervised | null = null;
  const stop = async () => {
    await running?.stop('fast');
    running = null;
  };
  t.after(async () => {
    await sql.end({ timeout: 1 });
    await stop();
    rmSync(dirname(dirname(place.root)), { recursive: true, force: true });
  });
  const start = async () => {
    const command = [postgres, '-D', place.data, ...settings.flatMap((each) => ['-c', each])];
    running = supervise(command, place.account);
    await until('PostgreSQL', () => sql`SELECT 1`.then(() => true), 20_000);
  };
  return {
    port,
    socket: join(sockets, `.s.PGSQL.${port}`),
    dbUrl,
    sql,
    place,
    stop,
    kill: () => process.kill(findPostmaster(place.data)?.pid ?? Number.NaN, 'SIGKILL'),
    start,
    async becomeStandby() {
      await stop();
      writeFileSync(join(place.data, 'standby.signal'), '');
      await start();
    },
  };
}
