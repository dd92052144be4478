import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { connect, type Sql } from '../../src/db/client.js';
import { startEmbedded } from '../../src/db/embedded.js';
import { migrateUp } from '../../src/db/migrate.js';
import { readMigrations } from '../../src/db/migration-files.js';

export interface TestDatabase {
  dbUrl: string;
  sql: Sql;
}

const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

/**
 * Creates a database with every migration applied. `sql` ends with the test, but the database is
 * dropped after the last test of the file: hooks run in the order of registration, so a hook here
 * would run before the test's own hook that stops the users of the database.
 */
export async function testDatabase(t: TestContext): Promise<TestDatabase> {
  return await createDatabase(t, await template());
}

/** Like `testDatabase`, without any table. */
export async function emptyDatabase(t: TestContext): Promise<TestDatabase> {
  return await createDatabase(t, 'template1');
}

/** A temporary directory that PostgreSQL's user can also enter, removed after the last test. */
export function testDirectory(): string {
  const directory = makeDirectory();
  closers.push(async () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function createDatabase(t: TestContext, source: string): Promise<TestDatabase> {
  const { admin, url } = await server();
  const name = `test_${randomBytes(6).toString('hex')}`;
  // Logging each page, the default, takes twice the CPU.
  await admin`CREATE DATABASE ${admin(name)} TEMPLATE ${admin(source)} STRATEGY FILE_COPY`;
  const dbUrl = withDatabase(url, name);
  const sql = connect(dbUrl, { max: 4 });
  t.after(() => sql.end({ timeout: 1 }));
  closers.push(async () => {
    await admin`DROP DATABASE ${admin(name)} WITH (FORCE)`;
  });
  return { dbUrl, sql };
}

/** The server of this process: that of the test runner, else its own. */
const server = once(async () => {
  const url = process.env.LLMPROXY_TEST_DB_URL ?? (await startServer());
  const admin = connect(url, { max: 1 });
  closers.push(() => admin.end({ timeout: 1 }));
  return { admin, url };
});

async function startServer(): Promise<string> {
  const dataDir = makeDirectory();
  const { dbUrl, stop } = await startEmbedded({ dataDir, owner: 'daemon' });
  closers.push(async () => {
    await stop();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return dbUrl;
}

/** The database to clone, created by the first test process. */
const template = once(async () => {
  const { admin, url } = await server();
  const name = `template_${createHash('sha256').update(JSON.stringify(readMigrations())).digest('hex').slice(0, 16)}`;
  const partial = `partial_${name}`;
  await admin`SELECT pg_advisory_lock(1)`;
  try {
    const [exists] = await admin`SELECT FROM pg_database WHERE datname = ${name}`;
    if (exists) return name;
    await admin`DROP DATABASE IF EXISTS ${admin(partial)} WITH (FORCE)`;
    await admin`CREATE DATABASE ${admin(partial)}`;
    const sql = connect(withDatabase(url, partial), { max: 1 });
    await migrateUp(sql);
    await sql.end();
    await admin`ALTER DATABASE ${admin(partial)} RENAME TO ${admin(name)}`;
    return name;
  } finally {
    await admin`SELECT pg_advisory_unlock(1)`;
  }
});

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'llmproxy-test-'));
  chmodSync(directory, 0o755);
  return directory;
}

function withDatabase(url: string, name: string): string {
  return url.replace(/^(\w+:\/\/[^/?]*)(?:\/[^?]*)?/, `$1/${name}`);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
