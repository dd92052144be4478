import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { executable } from '../../cli/llmproxy.js';
import { skipWithout } from '../../support/executable.js';
import { testDatabase, testDirectory } from '../../support/postgres.js';
import { isRunning, until } from '../../support/until.js';

test('a daemon stops when the terminal that it was started on is closed', {
  skip: skipWithout('script'),
}, async (t) => {
  const { dbUrl } = await testDatabase(t);
  const dataDir = testDirectory();
  const serve = `exec '${process.execPath}' '${executable}' serve --json --port 0 --workers 1`;
  const terminal = spawn('script', ['-qfec', serve, '/dev/null'], {
    cwd: dataDir,
    env: { PATH: process.env.PATH, DB_URL: dbUrl, LLMPROXY_DATA_DIR: dataDir, HOME: dataDir },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let text = '';
  terminal.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const pid = await until(
    'the daemon',
    () =>
      /"pid":(\d+)[^\n]*llmproxy [^\n]* starts/.exec(text) ??
      /starts[^\n]*"pid":(\d+)/.exec(text) ??
      undefined,
  );
  const daemon = Number(pid[1]);
  t.after(() => {
    if (isRunning(daemon)) process.kill(daemon, 'SIGKILL');
    terminal.kill('SIGKILL');
  });
  await until('ready', () => text.includes('ready on'), 20_000);
  // The terminal closes when the process that holds it ends.
  terminal.kill('SIGKILL');
  await until('the end of the daemon', () => !isRunning(daemon), 20_000);
  assert.ok(!text.includes('Error'), text);
});
