import { mkdirSync } from 'node:fs';
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
  /** Sends SIGKILL; resolves when it has ended. */
  kill(): Promise<void>;
  /** Starts it again; resolves when it answers. */
  start(): Promise<void>;
}

export async function startPostgres(closers: Closers): Promise<BenchPostgres> {
  const dataDir = join(temporaryDirectory(closers), 'server');
  mkdirSync(dataDir);
  let server = await startEmbedded({ dataDir, owner: 'daemon' });
  closers.push(() => server.stop());
  const sql = connect(server.dbUrl, { max: 2 });
  closers.push(() => sql.end({ timeout: 1 }));
  await migrateUp(sql);
  return {
    dbUrl: server.dbUrl,
    sql,
    async kill() {
      const pid = findPostmaster(join(dataDir, 'postgres/data'))?.pid ?? 0;
      process.kill(pid, 'SIGKILL');
      while (isAlive(pid)) await pause(20);
    },
    async start() {
      server = await startEmbedded({ dataDir, owner: 'daemon' });
      while (!(await sql`SELECT 1`.catch(() => null))) await pause(50);
    },
  };
}
