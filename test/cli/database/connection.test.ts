import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { emptyDatabase } from '../../support/postgres.js';
import { giveToNobody, nobody, withoutSecondUser } from '../../support/second-user.js';
import { executable, json, llmproxy, temporaryFolder } from '../llmproxy.js';

const module = new URL('../../../src/cli/database/embedded-database.js', import.meta.url).href;
const connectionModule = new URL('../../../src/cli/database/connection.js', import.meta.url).href;

test('the embedded database is created by the first command and kept for the next', async (t) => {
  const folder = temporaryFolder(t);
  const dataDir = join(folder, 'not/there/yet');
  const run = (args: string[]) => llmproxy([...args, '--data-dir', dataDir], { cwd: folder });
  const added = await run([
    ...['provider', 'add', 'mock', '--api-base', 'http://127.0.0.1:1/v1', '--api-key', 'mock'],
  ]);
  assert.deepEqual(added, {
    code: 0,
    stdout: 'added provider mock\nsaved; no daemon is running here\n',
    stderr: '',
  });
  const [provider] = await json(run(['provider', 'list', '--json']));
  assert.equal(provider.provider_key, 'mock');
});

test('two commands at once share the embedded database', async (t) => {
  const dataDir = temporaryFolder(t);
  const create = (name: string) =>
    json(llmproxy(['keys', 'create', name, '--json', '--data-dir', dataDir], { cwd: dataDir }));
  const [a, b] = await Promise.all([create('a'), create('b')]);
  assert.deepEqual([a.id, b.id].sort(), [1, 2]);
});

test('a data directory that cannot be created is a failure that names it', async () => {
  const { code, stderr } = await llmproxy(['keys', 'list', '--data-dir', '/dev/null/x']);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^error: cannot create the data directory \/dev\/null\/x: .*\nchoose another/,
  );
});

test('commands that only read create no database', async (t) => {
  const dataDir = join(temporaryFolder(t), 'data');
  const reads = [
    ['keys', 'list'],
    ['provider', 'list'],
    ['usage'],
    ['requests'],
    ['audit'],
    ['config', 'show'],
    ['config', 'history'],
    ['secrets', 'status'],
    ['migrate', 'status'],
  ];
  for (const command of reads) {
    const { code, stdout, stderr } = await llmproxy([...command, '--data-dir', dataDir]);
    assert.deepEqual([code, stdout], [1, ''], command.join(' '));
    assert.equal(
      stderr,
      `error: there is no database in ${dataDir} yet\n` +
        'start the gateway with llmproxy serve, or name its database with --data-dir or DB_URL\n',
    );
    assert.ok(!existsSync(dataDir), command.join(' '));
  }
});

test('a user who may not enter the data directory learns who may', {
  skip: withoutSecondUser,
}, async (t) => {
  const folder = temporaryFolder(t);
  const machine = join(folder, 'machine');
  mkdirSync(machine, { mode: 0o700 });
  const script = `
    process.setgid(${nobody.gid}); process.setuid(${nobody.uid});
    const { refuseMissingDatabase } = await import(${JSON.stringify(module)});
    const told = (origin, dataDir, machineDir) => {
      const origins = new Map([['data_dir', origin]]);
      try {
        refuseMissingDatabase({ settings: { data_dir: dataDir }, origins }, false, machineDir);
        return null;
      } catch (error) { return error.message + '; ' + error.hint; }
    };
    const [, machine, own] = process.argv;
    console.log(JSON.stringify([
      told('flag', machine, '/none'), told('default', own, machine), told('flag', own, machine),
      told('default', own, '/none'),
    ]));`;
  const run = promisify(execFile);
  const args = ['--input-type=module', '-e', script, machine, join(folder, 'own')];
  const { stdout } = await run(process.execPath, args, { cwd: folder });
  const closed = `the data directory ${machine} belongs to root, and is closed to you; run this with sudo, or as the user root`;
  assert.deepEqual(JSON.parse(stdout), [closed, closed, null, null]);
});

test('commands about a daemon do not deny one that this user cannot see', {
  skip: withoutSecondUser,
}, async (t) => {
  const machine = join(temporaryFolder(t), 'machine');
  mkdirSync(machine, { mode: 0o700 });
  const { uid, gid } = nobody;
  const asNobody = (command: string, dataDir = machine, ...args: string[]) =>
    spawnSync(process.execPath, [executable, command, ...args, '--data-dir', dataDir], {
      ...{ uid, gid, cwd: '/', encoding: 'utf8', timeout: 60_000 },
      env: { PATH: process.env.PATH ?? '' },
    });
  for (const command of ['stop', 'upgrade', 'serve']) {
    const { status, stderr } = asNobody(command);
    assert.equal(status, 1, command);
    assert.ok(stderr.includes(`error: the data directory ${machine} belongs to root`), stderr);
  }
  const own = join(temporaryFolder(t), 'own');
  mkdirSync(own, { mode: 0o500 });
  giveToNobody(own);
  assert.match(
    asNobody('stop', own).stderr,
    /own is closed to its own user\nopen it: chmod u\+rwx/,
  );
  const { checks } = JSON.parse(asNobody('doctor', machine, '--port', '0', '--json').stdout);
  const gateway = checks.find(({ check }: { check: string }) => check === 'gateway');
  assert.deepEqual(
    [gateway.state, gateway.detail],
    ['warn', `cannot be seen: ${machine} is closed to you`],
  );
});

test('a signal ends a command at once while it computes', async (t) => {
  const { dbUrl } = await emptyDatabase(t);
  const script = `
    const { interruptibly, withDatabase } = await import(${JSON.stringify(connectionModule)});
    const flags = { dbUrl: ${JSON.stringify(dbUrl)}, dataDir: ${JSON.stringify(temporaryFolder(t))} };
    await withDatabase(flags, 'any', () => interruptibly(async () => {
      process.stdout.write('computes');
      for (;;);
    }));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), exited]);
  child.kill('SIGTERM');
  assert.deepEqual(await exited, [null, 'SIGTERM']);
});
