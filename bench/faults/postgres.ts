import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type Sql } from '../../src/db/client.js';
import { findPostmaster, isAlive } from '../../src/db/embedded/postmaster.js';
import { startEmbedded } from '../../src/db/embedded.js';
import { migrateUp } from '../../src/db/migrate.js';
import type { Closers } from '../closers.js';
import { temporaryDirectory } from '../directory.js';

/** A PostgreSQL that only the measurement restarts. */
export interface BenchPostgres {
  dbUrl: string;
  sql: Sql;
  /** CPU time of its processes so far, without those that have ended. */
  cpuUs(): number;
  /** CPU time of all of its processes so far, to 10 ms. */
  allCpuMs(): number;
  /** Sends SIGKILL; resolves when it has ended. */
  kill(): Promise<void>;
  /** Starts it again; resolves when it answers. */
  start(): Promise<void>;
}

/** @param last the newest migration to apply. */
export async function startPostgres(closers: Closers, last?: number): Promise<BenchPostgres> {
  const dataDir = join(temporaryDirectory(closers), 'server');
  mkdirSync(dataDir);
  let server = await startEmbedded({ dataDir, owner: 'daemon' });
  closers.push(() => server.stop());
  const sql = connect(server.dbUrl, { max: 2 });
  closers.push(() => sql.end({ timeout: 1 }));
  await migrateUp(sql, undefined, last);
  const postmaster = () => findPostmaster(join(dataDir, 'postgres/data'))?.pid ?? 0;
  return {
    dbUrl: server.dbUrl,
    sql,
    cpuUs() {
      const pid = postmaster();
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
      return [pid, ...children].reduce((sum: number, each) => sum + ranUs(each), 0);
    },
    allCpuMs() {
      const pid = postmaster();
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
      return children.reduce((sum, child) => sum + ticks(child, false), ticks(pid, true)) * 10;
    },
    async kill() {
      const pid = postmaster();
      process.kill(pid, 'SIGKILL');
      while (isAlive(pid)) await pause(20);
    },
    async start() {
      server = await startEmbedded({ dataDir, owner: 'daemon' });
      while (!(await sql`SELECT 1`.catch(() => null))) await pause(50);
    },
  };
}

/** Nanoseconds on a CPU are the first number of /proc/<pid>/schedstat. */
function ranUs(pid: number | string): number {
  return Number.parseInt(readFileSync(`/proc/${pid}/schedstat`, 'utf8'), 10) / 1_000;
}

/** Hundredths of a second on a CPU, optionally with those of children that have ended. */
function ticks(pid: number | string, isWithEnded: boolean): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const times = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, isWithEnded ? 15 : 13);
  return times.reduce((sum, each) => sum + Number(each), 0);
}
