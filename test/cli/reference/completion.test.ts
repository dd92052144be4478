import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../../support/daemon.js';
import { executable, json, llmproxy, temporaryFolder, usage } from '../llmproxy.js';

/** The completions that bash offers for a partial line. */
function offered(script: string, line: string, env = process.env): string[] {
  const words = line.split(' ');
  const { stdout, stderr } = spawnSync(
    'bash',
    [
      '--norc',
      '-c',
      `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
      COMP_LINE="$*"; COMP_POINT=\${#COMP_LINE}
      fn=$(complete -p llmproxy | sed 's/.*-F \\([^ ]*\\).*/\\1/'); "$fn"
      printf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      script,
      ...words,
    ],
    { encoding: 'utf8', env },
  );
  assert.equal(stderr, '');
  return stdout
    .split('\n')
    .map((word) => word.trim())
    .filter(Boolean);
}

test('bash completes commands, options and choices', async (t) => {
  const script = join(temporaryFolder(t), 'llmproxy.bash');
  writeFileSync(script, (await llmproxy(['completion', 'bash'])).stdout);
  assert.deepEqual(offered(script, 'llmproxy prov'), ['provider']);
  assert.deepEqual(offered(script, 'llmproxy provider te'), ['test']);
  assert.deepEqual(offered(script, 'llmproxy config apply --pr'), ['--prune']);
  assert.deepEqual(offered(script, 'llmproxy completion z'), ['zsh']);
  assert.deepEqual(offered(script, 'llmproxy provider add --type opena'), ['openai']);
});

test('bash completes names that the running gateway knows, also of an alias', async (t) => {
  const daemon = await startDaemon(t);
  await daemon.addProvider('openai-main', { api_base: 'http://127.0.0.1:9/v1' });
  await daemon.addKey('alice smith');
  await daemon.addKey('bob');
  await daemon.reload();
  const folder = temporaryFolder(t);
  const script = join(folder, 'llmproxy.bash');
  writeFileSync(script, (await llmproxy(['completion', 'bash'])).stdout);
  const own = `#!/bin/sh\nexec '${process.execPath}' '${executable}' "$@"\n`;
  writeFileSync(join(folder, 'llmproxy'), own, { mode: 0o755 });
  const env = {
    PATH: `${folder}:${process.env.PATH}`,
    LLMPROXY_DATA_DIR: daemon.dataDir,
    ADMIN_KEY: daemon.adminKey,
  };
  assert.deepEqual(offered(script, 'llmproxy provider show op', env), ['openai-main']);
  assert.deepEqual(offered(script, 'llmproxy provider rm ', env), ['openai-main']);
  assert.deepEqual(offered(script, 'llmproxy keys revoke ali', env), ['alice\\ smith']);
  assert.deepEqual(offered(script, 'llmproxy usage --key b', env), ['bob']);
  assert.deepEqual(offered(script, 'llmproxy keys show --j', env), ['--json']);
  assert.deepEqual(offered(script, 'llmproxy keys show x', { ...env, ADMIN_KEY: 'wrong-key' }), []);
});

test('zsh and fish get a script of their own, and another shell an error', async () => {
  assert.match((await llmproxy(['completion', 'zsh'])).stdout, /^#compdef llmproxy/);
  assert.match((await llmproxy(['completion', 'fish'])).stdout, /complete -c llmproxy/);
  assert.match(JSON.stringify(await json(llmproxy(['completion', 'zsh', '--json']))), /compdef/);
  await usage(['completion', 'powershell'], /bash, zsh, fish/);
});
