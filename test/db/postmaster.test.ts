import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { testDirectory } from '../support/postgres.js';
import { giveToNobody, nobody, withoutSecondUser } from '../support/second-user.js';

const module = new URL('../../src/db/embedded/postmaster.js', import.meta.url).href;

test('a server whose folder the kernel hides is found by its command line, and keeps its lock file', {
  skip: withoutSecondUser,
}, async (t) => {
  const folder = testDirectory();
  chmodSync(folder, 0o755);
  const data = join(folder, 'data');
  mkdirSync(data);
  giveToNobody(data);
  const lock = join(data, 'postmaster.pid');
  /** The answer of a command of another user, as that of a process in another user namespace. */
  const findFor = async (...args: string[]) => {
    const server = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', '--', ...args]);
    t.after(() => server.kill('SIGKILL'));
    await once(server, 'spawn');
    writeFileSync(lock, `${server.pid}\n${data}\n`);
    giveToNobody(lock);
    const script = `
      process.setgid(${nobody.gid}); process.setuid(${nobody.uid});
      const { findPostmaster } = await import(${JSON.stringify(module)});
      console.log(findPostmaster(${JSON.stringify(data)})?.pid ?? 'none');`;
    const run = ['--input-type=module', '-e', script];
    const found = execFileSync(process.execPath, run, { cwd: folder, encoding: 'utf8' }).trim();
    return { found, pid: String(server.pid) };
  };
  const own = await findFor('-D', data);
  assert.equal(own.found, own.pid);
  assert.ok(existsSync(lock));
  const others = await findFor('-D', folder);
  assert.equal(others.found, 'none');
  assert.ok(!existsSync(lock));
});
