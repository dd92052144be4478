import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { executable, json, withOwnDatabase } from '../llmproxy.js';

const skip = existsSync('/dev/full') ? false : 'there is no /dev/full';

test('a key that cannot be shown is not created, and a rotation is undone', {
  skip,
}, async (t) => {
  const { run, dbUrl, dataDir } = await withOwnDatabase(t);
  const env = { PATH: process.env.PATH, DB_URL: dbUrl, LLMPROXY_DATA_DIR: dataDir };
  await run(['keys', 'create', 'alice']);
  await run(['keys', 'rotate', 'alice', '--grace', '7d']);
  const before = await json(run(['keys', 'list', '--json']));

  for (const output of ['/dev/full', '/dev/null']) {
    for (const command of ['create bob', 'create bob --json', 'rotate alice --grace 0']) {
      const { code, stderr } = await runInto(['keys', ...command.split(' ')], output, env);
      assert.equal(code, 1, command);
      assert.match(stderr, /cannot write to standard output: .*the key was not (created|rotated)/);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
      assert.doesNotMatch(stderr, /sk-|\bat\b.*\(/);
    }
  }
  const after = await json(run(['keys', 'list', '--json']));
  for (const list of [before, after]) for (const key of list) delete key.updated_at;
  assert.deepEqual(after, before);

  const listed = await runInto(['keys', 'list'], '/dev/full', env);
  assert.equal(listed.code, 1);
  assert.match(listed.stderr, /^error: cannot write to standard output: no space is left\n$/);
  const given = await runInto(
    ['keys', 'create', 'carol', '--key', 'a-key-of-their-own-1234567'],
    '/dev/null',
    env,
  );
  assert.equal(given.code, 0, given.stderr);
});

/** Runs a command with its standard output in a file. */
async function runInto(args: string[], file: string, env: NodeJS.ProcessEnv) {
  const output = openSync(file, 'w');
  const child = spawn(process.execPath, [executable, ...args], {
    env,
    stdio: ['ignore', output, 'pipe'],
  });
  closeSync(output);
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stderr };
}
