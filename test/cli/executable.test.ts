import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { executable, temporaryFolder } from './llmproxy.js';

const root = dirname(dirname(executable));

test('an unbuilt clone says in one line what to run', (t) => {
  const folder = temporaryFolder(t);
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(folder, 'bin/llmproxy.js'), 'serve'],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(status, 1);
  assert.equal(stderr, `error: llmproxy is not built in ${folder}/\nrun there: npm ci\n`);
  mkdirSync(join(folder, 'dist/app/cli'), { recursive: true });
  writeFileSync(join(folder, 'dist/app/cli/main.js'), "import 'no-such-package';");
  const without = spawnSync(process.execPath, [join(folder, 'bin/llmproxy.js')], {
    encoding: 'utf8',
  });
  assert.match(without.stderr, /^error: llmproxy is not built/);
});

test('npm ci builds, and npx does not', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const prepare = (npm_command: string) =>
    spawnSync('sh', ['-c', `npm() { echo "$@"; }; ${scripts.prepare}`], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, npm_command },
    });
  assert.deepEqual([prepare('exec').status, prepare('exec').stdout], [0, '']);
  for (const command of ['ci', 'install', 'pack']) {
    assert.equal(prepare(command).stdout, 'run build\nrun link-bin\n');
  }
});
