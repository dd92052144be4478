import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startDaemon } from '../../support/daemon.js';
import { testDatabase, testDirectory } from '../../support/postgres.js';
import { giveToNobody, nobody, notOfNobody, withoutSecondUser } from '../../support/second-user.js';
import { json, llmproxy } from '../llmproxy.js';

const skip = withoutSecondUser;

/** A data directory of the second user, next to a directory and a file of root. */
function place() {
  const folder = testDirectory();
  const dataDir = join(folder, 'state');
  mkdirSync(dataDir, { mode: 0o700 });
  giveToNobody(dataDir);
  const victim = join(folder, 'victim');
  mkdirSync(victim, { mode: 0o755 });
  const secret = join(victim, 'secret');
  writeFileSync(secret, 'root-only-content', { mode: 0o600 });
  const untouched = () => {
    const { uid, gid, mode } = statSync(victim);
    assert.deepEqual([uid, gid, mode & 0o7777], [0, 0, 0o755]);
    assert.deepEqual(readdirSync(victim), ['secret']);
    assert.equal(statSync(secret).uid, 0);
    assert.equal(statSync(secret).mode & 0o777, 0o600);
    assert.equal(readFileSync(secret, 'utf8'), 'root-only-content');
  };
  return { folder, dataDir, victim, secret, untouched };
}

/** Commands that write the key, the database and the socket's directory. */
const commands = [
  ['provider', 'add', 'mock', '--api-base', 'http://127.0.0.1:1/v1', '--api-key', 'sk-mock'],
  ['keys', 'list'],
  ['secrets', 'rotate'],
];

test('commands of root work in the data directory of a service, and leave no files of root', {
  skip,
}, async () => {
  const { dataDir } = place();
  const key = await json(
    llmproxy(['keys', 'create', 'alice', '--json', '--data-dir', dataDir], {
      env: { SUDO_USER: 'mallory' },
    }),
  );
  assert.equal(key.name, 'alice');
  assert.deepEqual(notOfNobody(dataDir), []);
  const [entry] = await json(llmproxy(['audit', '--json', '--data-dir', dataDir]));
  assert.match(entry.actor, /^cli:/);
  assert.doesNotMatch(entry.actor, /mallory|nobody/);
});

for (const name of ['postgres', 'postgres/socket', 'postgres/data', 'secret-key', 'usage-spool']) {
  test(`commands of root change nothing behind a link at ${name}`, { skip }, async () => {
    const { dataDir, victim, secret, untouched } = place();
    if (name.startsWith('postgres/')) {
      mkdirSync(join(dataDir, 'postgres'));
      giveToNobody(join(dataDir, 'postgres'));
    }
    symlinkSync(name === 'secret-key' ? secret : victim, join(dataDir, name));
    for (const command of commands) {
      const { code, stdout, stderr } = await llmproxy([...command, '--data-dir', dataDir]);
      assert.notEqual(code, 2, stderr);
      assert.doesNotMatch(stdout + stderr, /root-only-content/);
      untouched();
    }
  });
}

test('commands of root do not reveal a file behind a link to the daemon’s user', {
  skip,
}, async (t) => {
  const { dataDir, secret } = place();
  symlinkSync(secret, join(dataDir, 'admin-key'));
  const heard: unknown[] = [];
  const server = createServer((request, response) => {
    heard.push(request.headers.authorization);
    response.writeHead(200).end('{}');
  });
  server.listen(join(dataDir, 'control.sock'));
  await once(server, 'listening');
  t.after(() => server.close());
  giveToNobody(join(dataDir, 'control.sock'));
  const { stdout, stderr } = await llmproxy(['status', '--json', '--data-dir', dataDir]);
  assert.doesNotMatch(stdout + stderr, /root-only-content/);
  // The socket is asked, but without a key.
  assert.ok(heard.length > 0);
  assert.deepEqual([...new Set(heard)], [undefined]);
});

test('a second user who swaps directories for links in the meantime gains nothing', {
  skip,
}, async (t) => {
  const { dataDir, victim, untouched } = place();
  const swapping = swapAsNobody(t, dataDir, victim, /./);
  for (const command of commands) {
    await llmproxy([...command, '--data-dir', dataDir]);
    untouched();
  }
  swapping.kill('SIGKILL');
  untouched();
});

test('neither does one who swaps only files that are about to be renamed', { skip }, async (t) => {
  const { dataDir, secret, untouched } = place();
  const [add = []] = commands;
  assert.equal((await llmproxy([...add, '--data-dir', dataDir])).code, 0);
  const swapping = swapAsNobody(t, dataDir, secret, /^(?:secret-key|last-good)./);
  for (let n = 0; n < 4; n++) {
    const { code, stderr } = await llmproxy(['secrets', 'rotate', '--data-dir', dataDir]);
    assert.notEqual(code, 2, stderr);
    untouched();
  }
  swapping.kill('SIGKILL');
  untouched();
});

/** Replaces files made by commands with links, as fast as it can. */
function swapAsNobody(
  t: TestContext,
  dataDir: string,
  victim: string,
  which: RegExp,
): ChildProcess {
  const code = `
    const fs = require('node:fs');
    const names = () => [...fs.readdirSync('.'), 'postgres/socket', 'postgres/data'];
    let n = 0;
    const turn = () => {
      for (const name of names().filter((name) => ${which}.test(name) && !name.startsWith('old-'))) {
        try {
          fs.renameSync(name, 'old-' + (n++ % 8));
          fs.symlinkSync(${JSON.stringify(victim)}, name);
          setTimeout(() => { try { fs.unlinkSync(name); } catch {} }, 5);
        } catch {}
      }
      setImmediate(turn);
    };
    turn();`;
  const { uid, gid } = nobody;
  const child = spawn(process.execPath, ['-e', code], { cwd: dataDir, uid, gid, stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

test('commands of root use the key that systemd passes to the service', { skip }, async () => {
  const { dataDir, folder } = place();
  const credentials = join(folder, 'credentials');
  mkdirSync(credentials, { mode: 0o700 });
  const text = randomBytes(32).toString('base64');
  writeFileSync(join(credentials, 'secret_key'), `${text}\n`, { mode: 0o600 });
  const env = { CREDENTIALS_DIRECTORY: credentials, MOCK_KEY: 'sk-mock' };
  const run = (...args: string[]) => llmproxy([...args, '--data-dir', dataDir], { env });
  const base = ['--api-base', 'http://127.0.0.1:1/v1', '--api-key-env', 'MOCK_KEY'];
  assert.equal((await run('provider', 'add', 'mock', ...base)).code, 0);
  const { key_source: source } = await json(run('secrets', 'status', '--json'));
  assert.equal(source, 'credential secret_key');
  assert.ok(!existsSync(join(dataDir, 'secret-key')));
});

test('root refuses a data directory that several users can write to', { skip }, async () => {
  const { dataDir } = place();
  const shared = testDirectory();
  chmodSync(shared, 0o777);
  const { code, stderr } = await llmproxy(['keys', 'list', '--data-dir', join(shared, 'state')]);
  assert.equal(code, 1);
  assert.match(stderr, /root cannot safely use .*: chmod go-w/);
  assert.deepEqual(readdirSync(shared), []);
  assert.deepEqual(readdirSync(dataDir), []);
});

test('files left by root in a data directory of another user are refused by name', {
  skip,
}, async () => {
  const { dataDir } = place();
  mkdirSync(join(dataDir, 'postgres'), { mode: 0o755 });
  const { code, stderr } = await llmproxy(['keys', 'list', '--data-dir', dataDir]);
  assert.equal(code, 1);
  assert.match(stderr, /state\/postgres must be a directory that belongs to nobody, not to root/);
});

test('a daemon that root starts in a service’s data directory runs as the service', {
  skip,
}, async (t) => {
  const home = testDirectory();
  mkdirSync(join(home, 'data'));
  giveToNobody(join(home, 'data'));
  // Created beforehand: the daemon, which must be ready soon, has no time to create a database.
  const made = await llmproxy(['migrate', 'up', '--data-dir', join(home, 'data')]);
  assert.equal(made.code, 0, made.stderr);
  const daemon = await startDaemon(t, { home, database: 'embedded' });
  for (const pid of [daemon.pid, ...daemon.workerPids()]) {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const { uid, gid } = nobody;
    assert.match(status, new RegExp(`^Uid:\t${uid}\t${uid}\t${uid}\t${uid}$`, 'm'));
    assert.match(status, new RegExp(`^Gid:\t${gid}\t${gid}\t${gid}\t${gid}$`, 'm'));
    assert.match(status, /^CapEff:\t0+$/m);
  }
  assert.deepEqual(notOfNobody(daemon.dataDir), []);
  const { code, stdout } = await daemon.cli(['keys', 'create', 'alice']);
  assert.equal(code, 0);
  assert.match(stdout, /^sk-/);
});

test('root reads no settings that another user put into the working directory', {
  skip,
}, async (t) => {
  const { dbUrl } = await testDatabase(t);
  const { folder } = place();
  const theirs = join(folder, 'theirs');
  mkdirSync(join(theirs, 'config'), { recursive: true });
  writeFileSync(join(theirs, '.env'), 'LLMPROXY_DATA_DIR=/from-dot-env\n');
  writeFileSync(join(theirs, 'config/llmproxy.yaml'), 'data_dir: /from-the-file\n');
  const run = (args: string[]) =>
    llmproxy(['config', 'show', '--origin', '--json', ...args], {
      cwd: theirs,
      env: { DB_URL: dbUrl },
    });
  const dataDirOf = async (outcome: ReturnType<typeof run>) => {
    const { settings } = await json(outcome);
    return settings.find(({ name }: { name: string }) => name === 'data_dir').value;
  };
  const usable = join(folder, 'usable.yaml');
  mkdirSync(join(folder, 'named'));
  writeFileSync(usable, `data_dir: ${join(folder, 'named')}\n`);
  assert.equal(await dataDirOf(run([])), '/from-dot-env', 'root’s own files are read');
  rmSync(join(theirs, '.env'));
  assert.equal(await dataDirOf(run([])), '/from-the-file');
  writeFileSync(join(theirs, '.env'), 'LLMPROXY_DATA_DIR=/from-dot-env\n');
  giveToNobody(theirs);
  const { stdout, stderr } = await run([]);
  assert.match(stderr, /theirs\/\.env is not read: others than root can change it/);
  assert.match(stderr, /theirs\/config\/llmproxy\.yaml is not read/);
  assert.doesNotMatch(stdout, /\/from-/);
  assert.doesNotMatch(stdout, /theirs\/config\/overrides\.d/);
  assert.equal(await dataDirOf(run(['--config', usable])), join(folder, 'named'));
});
