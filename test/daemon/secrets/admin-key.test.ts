import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { adminKey } from '../../../src/daemon/secrets/admin-key.js';
import { temporaryFolder } from '../../cli/llmproxy.js';

test('of several processes one generates the key, and all use it', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'admin-key');
  const all = await Promise.all(Array.from({ length: 5 }, () => adminKey(null, folder)));
  assert.equal(new Set(all.map(({ key }) => key)).size, 1);
  assert.match(all[0]?.key ?? '', /^admin-[\w-]{32}$/);
  assert.deepEqual(
    all.flatMap(({ generatedIn }) => generatedIn ?? []),
    [file],
  );
  assert.equal(readFileSync(file, 'utf8'), `${all[0]?.key}\n`);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ['admin-key'], 'nothing else is left');
});

test('a file without a key, as a full disk leaves it, is refused and not used', async (t) => {
  for (const text of ['', '\n', ' \t\n', 'short\n']) {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'admin-key'), text);
    await assert.rejects(adminKey(null, folder), {
      message: `${folder}/admin-key holds no key of 8 characters or more: remove it`,
    });
    assert.equal((await adminKey('the-key-of-the-settings', folder)).generatedIn, null);
  }
});

test('a link to nowhere is not followed', async (t) => {
  const folder = temporaryFolder(t);
  const target = join(folder, 'elsewhere');
  symlinkSync(target, join(folder, 'admin-key'));
  await assert.rejects(adminKey(null, folder), { code: 'ENOENT' });
  assert.deepEqual(readdirSync(folder), ['admin-key']);
});
