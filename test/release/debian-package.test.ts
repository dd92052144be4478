import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { archive } from '../../release/archive.js';
import { arArchive, commentedOut } from '../../release/debian-package.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'llmproxy-release-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('an archive of ar has a header of 60 bytes before each member, and even places', () => {
  const text = arArchive(
    [
      ['odd', Buffer.from('abc')],
      ['even', Buffer.from('de')],
    ],
    1700000000,
  ).toString('latin1');
  assert.equal(
    text,
    '!<arch>\n' +
      'odd             1700000000  0     0     100644  3         `\nabc\n' +
      'even            1700000000  0     0     100644  2         `\nde',
  );
});

test('the bytes of an archive depend on names, modes and contents only', (t) => {
  const folder = temporary(t);
  const bytes = ['one', 'two'].map((name, run) => {
    const tree = join(folder, name, 'tree');
    mkdirSync(join(tree, 'b'), { recursive: true });
    for (const file of run === 0 ? ['a', 'b/c'] : ['b/c', 'a'])
      writeFileSync(join(tree, file), file);
    symlinkSync('a', join(tree, 'link'));
    utimesSync(join(tree, 'a'), run, run);
    archive(tree, join(folder, `${name}.tar.gz`), 1700000000, 'as');
    return readFileSync(join(folder, `${name}.tar.gz`));
  });
  assert.deepEqual(bytes[0], bytes[1]);
  const listed = spawnSync('tar', ['-tzf', join(folder, 'one.tar.gz')], { encoding: 'utf8' });
  assert.deepEqual(listed.stdout.trim().split('\n').sort(), [
    'as/',
    'as/a',
    'as/b/',
    'as/b/c',
    'as/link',
  ]);
});

test('the settings of the package change nothing', () => {
  const example = readFileSync(join(root, 'config/llmproxy.example.yaml'), 'utf8');
  const text = commentedOut(example);
  for (const line of text.split('\n')) assert.match(line, /^(#|$)/);
  assert.match(text, /^# {2}port: 18000$/m);
});

for (const script of ['postinst', 'prerm', 'postrm']) {
  test(`the script ${script} of the package is one that sh reads, and does nothing without systemd`, () => {
    const file = join(root, 'release/debian', script);
    assert.equal(spawnSync('sh', ['-n', file]).status, 0);
    const run = spawnSync('sh', [file, 'upgrade', '0.1.0'], { encoding: 'utf8' });
    assert.deepEqual([run.status, run.stdout, run.stderr], [0, '', '']);
  });
}
