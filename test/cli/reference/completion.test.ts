import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { json, llmproxy, temporaryFolder, usage } from '../llmproxy.js';

/** The completions that bash offers for a partial line. */
function offered(script: string, line: string): string[] {
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
    { encoding: 'utf8' },
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

test('zsh and fish get a script of their own, and another shell an error', async () => {
  assert.match((await llmproxy(['completion', 'zsh'])).stdout, /^#compdef llmproxy/);
  assert.match((await llmproxy(['completion', 'fish'])).stdout, /complete -c llmproxy/);
  assert.match(JSON.stringify(await json(llmproxy(['completion', 'zsh', '--json']))), /compdef/);
  await usage(['completion', 'powershell'], /bash, zsh, fish/);
});
