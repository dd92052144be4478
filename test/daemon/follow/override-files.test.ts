import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { watchOverrideFiles } from '../../../src/daemon/follow/override-files.js';
import { until } from '../../support/until.js';

async function watched(t: TestContext) {
  const parent = await mkdtemp(join(tmpdir(), 'llmproxy-test-'));
  t.after(() => rm(parent, { recursive: true }));
  const dir = join(parent, 'overrides.d');
  let changes = 0;
  const watching = watchOverrideFiles(dir, () => changes++);
  t.after(() => watching.close());
  const changed = async (change: () => Promise<unknown>) => {
    const before = changes;
    await change();
    await until('the change is noticed', () => changes > before);
  };
  return { parent, dir, changed };
}

test('notices a folder that is made, changed, removed, and made again', async (t) => {
  const { dir, changed } = await watched(t);
  const file = join(dir, 'a.yaml');
  for (let round = 0; round < 2; round++) {
    await changed(async () => {
      await mkdir(dir);
      await writeFile(file, '');
    });
    await changed(() => writeFile(file, 'providers: []'));
    await changed(() => rm(dir, { recursive: true }));
  }
});

test('does not watch the parent of a folder that does not exist', {
  skip: process.platform !== 'linux' && 'inotify is only on Linux',
}, async (t) => {
  const { parent, dir, changed } = await watched(t);
  assert.equal(await isWatched(parent), false);
  await changed(() => mkdir(dir));
  await until('the folder is watched', () => isWatched(dir));
  await changed(() => rm(dir, { recursive: true }));
  await until('nothing is watched', async () => !(await isWatched(dir)));
  assert.equal(await isWatched(parent), false);
});

/** True if this process watches the folder, by its inode. */
async function isWatched(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  const inode = found?.ino.toString(16);
  const infos = (await readdir('/proc/self/fdinfo')).map((fd) =>
    readFile(join('/proc/self/fdinfo', fd), 'utf8').catch(() => ''),
  );
  return (await Promise.all(infos)).some((info) => info.includes(` ino:${inode} `));
}
