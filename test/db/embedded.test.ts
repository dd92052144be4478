import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '../../src/db/client.js';
import { openDatabase } from '../../src/db/database.js';
import { startEmbedded } from '../../src/db/embedded.js';
import { testDirectory } from '../support/postgres.js';

test('keeps its data and stays private from one start to the next', async (t) => {
  const dataDir = testDirectory();
  const first = await openDatabase({ dbUrl: null, dataDir, owner: 'daemon' });
  await first.asOwner((sql) => sql`CREATE TABLE kept AS SELECT 42 AS value`);
  assert.equal(statSync(join(dataDir, 'postgres/data')).mode & 0o777, 0o700);
  assert.equal(statSync(join(dataDir, 'postgres/socket')).mode & 0o777, 0o700);
  await first.close();
  assert.equal(existsSync(lockFile(dataDir)), false);

  const second = await openDatabase({ dbUrl: null, dataDir, owner: 'daemon' });
  t.after(() => second.close());
  assert.deepEqual([...(await second.sql`SELECT value FROM kept`)], [{ value: 42 }]);
  const [listening] = await second.sql`SHOW listen_addresses`;
  assert.equal(listening?.listen_addresses, '');
});

test('a daemon whose server is killed starts it again on the same URL', async (t) => {
  const dataDir = testDirectory();
  const lines: string[] = [];
  const database = await openDatabase({
    dbUrl: null,
    dataDir,
    owner: 'daemon',
    log: (line) => lines.push(line),
  });
  t.after(() => database.close());
  await database.asOwner((sql) => sql`CREATE TABLE kept AS SELECT 42 AS value`);
  const before = serverPid(dataDir);
  process.kill(before, 'SIGKILL');
  await until(() => existsSync(lockFile(dataDir)) && serverPid(dataDir) !== before);
  await until(async () => {
    const rows = await database.sql`SELECT value FROM kept`.catch(() => []);
    return rows.length === 1;
  });
  assert.match(lines.join('\n'), /PostgreSQL has ended/);
});

test('reports the end of a server that is killed, and the next start recovers', async () => {
  const dataDir = testDirectory();
  const server = await startEmbedded({ dataDir, owner: 'daemon' });
  const ended = new Promise<string>((resolve) => server.onExit(resolve));
  process.kill(serverPid(dataDir), 'SIGKILL');
  assert.match(await ended, /PostgreSQL has ended/);
  assert.ok(existsSync(lockFile(dataDir)));
  const next = await startEmbedded({ dataDir, owner: 'daemon' });
  await next.stop();
});

test('a lock file whose process id belongs to another program is no obstacle', async () => {
  const dataDir = testDirectory();
  await (await startEmbedded({ dataDir, owner: 'daemon' })).stop();
  const [, ...rest] = ['', join(dataDir, 'postgres/data'), '1', '5432', '/tmp', '', '', 'ready'];
  writeFileSync(lockFile(dataDir), [process.pid, ...rest, ''].join('\n'));
  const next = await startEmbedded({ dataDir, owner: 'daemon' });
  await next.stop();
});

for (const owner of ['daemon', 'command'] as const) {
  test(`the server ends when the ${owner} that started it is killed`, async (t) => {
    const dataDir = testDirectory();
    const child = await startInChild(t, dataDir, owner);
    const pid = serverPid(dataDir);
    child.kill('SIGKILL');
    await until(() => !isAlive(pid));
    const next = await startEmbedded({ dataDir, owner: 'daemon' });
    await next.stop();
  });
}

test('commands share one server, which ends with the last of them', async () => {
  const dataDir = testDirectory();
  const [first, second] = await Promise.all([
    openDatabase({ dbUrl: null, dataDir, owner: 'command' }),
    openDatabase({ dbUrl: null, dataDir, owner: 'command' }),
  ]);
  const pid = serverPid(dataDir);
  const closing = first.close();
  // Whichever of them started it, the other can go on.
  await second.sql`SELECT 1`;
  await second.close();
  await closing;
  await until(() => !isAlive(pid));
});

test('a command works while a daemon runs, and does not stop its server', async (t) => {
  const dataDir = testDirectory();
  const daemon = await openDatabase({ dbUrl: null, dataDir, owner: 'daemon' });
  t.after(() => daemon.close());
  const command = await openDatabase({ dbUrl: null, dataDir, owner: 'command' });
  assert.equal(command.dbUrl, daemon.dbUrl);
  await command.close();
  await daemon.sql`SELECT 1`;
});

test('a daemon waits for the server of a command to end and starts its own', async (t) => {
  const dataDir = testDirectory();
  const child = await startInChild(t, dataDir, 'command');
  const pid = serverPid(dataDir);
  const waiting = new Promise<string>((resolve) => {
    const opening = openDatabase({ dbUrl: null, dataDir, owner: 'daemon', log: resolve });
    t.after(async () => (await opening).close());
  });
  assert.match(await waiting, new RegExp(`command \\(process ${child.pid}\\)`));
  assert.ok(isAlive(pid));
  child.kill('SIGTERM');
  await until(() => existsSync(lockFile(dataDir)) && serverPid(dataDir) !== pid);
});

test('a second daemon on one data directory fails and names the first', async (t) => {
  const dataDir = testDirectory();
  const child = await startInChild(t, dataDir, 'daemon');
  await assert.rejects(
    startEmbedded({ dataDir, owner: 'daemon' }),
    new RegExp(`Another llmproxy daemon \\(process ${child.pid}\\)`),
  );
});

test('works in a directory whose path is too long for a socket', async () => {
  const dataDir = join(testDirectory(), 'long-'.repeat(20), "quote'd, and such");
  mkdirSync(dataDir, { recursive: true });
  const server = await startEmbedded({ dataDir, owner: 'command' });
  const sql = connect(server.dbUrl);
  await sql`SELECT 1`;
  await sql.end();
  await server.stop();
});

test('refuses data of another major version', async () => {
  const dataDir = testDirectory();
  mkdirSync(join(dataDir, 'postgres/data'), { recursive: true });
  writeFileSync(join(dataDir, 'postgres/data/PG_VERSION'), '12\n');
  await assert.rejects(startEmbedded({ dataDir, owner: 'daemon' }), /written by PostgreSQL 12/);
});

test('names a data directory that does not exist', async () => {
  const dataDir = join(testDirectory(), 'absent');
  await assert.rejects(startEmbedded({ dataDir, owner: 'daemon' }), /data directory .*absent/);
});

/** A process that holds a server until it is signalled. */
async function startInChild(
  t: { after(fn: () => void): void },
  dataDir: string,
  owner: 'daemon' | 'command',
) {
  const module = new URL('../../src/db/database.js', import.meta.url).href;
  const code = `
    const { openDatabase } = await import(${JSON.stringify(module)});
    const { sql } = await openDatabase(${JSON.stringify({ dbUrl: null, dataDir, owner })});
    await sql\`SELECT 1\`;
    console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

function lockFile(dataDir: string): string {
  return join(dataDir, 'postgres/data/postmaster.pid');
}

function serverPid(dataDir: string): number {
  return Number(readFileSync(lockFile(dataDir), 'utf8').split('\n')[0]);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** No event announces another process's action: polls every 10 ms. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(10);
}
