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

test('no word holds a character that a terminal would act on, or that hides another', () => {
  const values = [
    "x'\u0015echo run\r",
    '\u001b[31mred',
    'a\u202eb',
    'a\u200bé',
    'tab\tnew\n\u0007',
    '\\\u007f',
  ];
  const words = values.map(shellWord);
  for (const word of words) assert.match(word, /^\$'[\x20-\x7e]+'$/);
  const command = `printf '<%s>' ${words.join(' ')}`;
  const read = execFileSync('/bin/bash', ['-c', command], { encoding: 'utf8' });
  assert.equal(read, values.map((value) => `<${value}>`).join(''));
});
