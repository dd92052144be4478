import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { shellWord } from '../../src/console/lib/shell-word.js';

test('a shell reads a quoted value as one word, and runs nothing of it', () => {
  const values = [
    ...['plain-1.2:/@x', '', ' ', 'a b', "it's", "''", '$(echo run)', '`echo run`', '"$HOME"'],
    ...['a;echo run', 'a\nb', '\\', '!!', '*', '~', '#x', 'é', '&', '|'],
  ];
  const command = `printf '<%s>' ${values.map(shellWord).join(' ')}`;
  const read = execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8' });
  assert.equal(read, values.map((value) => `<${value}>`).join(''));
  assert.equal(shellWord('plain-1.2:/@x'), 'plain-1.2:/@x');
});
