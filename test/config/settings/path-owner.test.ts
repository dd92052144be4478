import assert from 'node:assert/strict';
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathOwner, SharedPathError } from '../../../src/config/settings/path-owner.js';
import { testDirectory } from '../../support/postgres.js';
import { giveToNobody, nobody, withoutSecondUser } from '../../support/second-user.js';

const skip = withoutSecondUser;

test('root controls a path of which it owns all parts, even before it exists', { skip }, () => {
  const folder = testDirectory();
  mkdirSync(join(folder, 'state'));
  assert.equal(pathOwner(join(folder, 'state')), null);
  assert.equal(pathOwner(join(folder, 'state/not/there')), null);
  symlinkSync('state', join(folder, 'link'));
  assert.equal(pathOwner(join(folder, 'link')), null);
});

test('the owner of any part controls the path, also of a link', { skip }, () => {
  const folder = testDirectory();
  mkdirSync(join(folder, 'theirs/state'), { recursive: true });
  giveToNobody(join(folder, 'theirs'));
  const { uid, gid } = nobody;
  const theirs = { uid, gid, at: join(folder, 'theirs') };
  for (const path of ['theirs', 'theirs/state', 'theirs/not/there']) {
    assert.deepEqual(pathOwner(join(folder, path)), theirs, path);
  }
  mkdirSync(join(folder, 'ours'));
  const links = { relative: '../theirs', absolute: theirs.at, up: './../ours/../theirs/state/..' };
  for (const [name, target] of Object.entries(links)) {
    const link = join(folder, 'ours', name);
    symlinkSync(target, link);
    assert.deepEqual(pathOwner(link), theirs, name);
  }
  const foreign = join(folder, 'foreign');
  symlinkSync('ours', foreign);
  lchownSync(foreign, uid, gid);
  assert.deepEqual(pathOwner(foreign), { uid, gid, at: foreign });
});

test('a directory that others can write to has no single owner', { skip }, () => {
  const folder = testDirectory();
  const shared = join(folder, 'shared');
  mkdirSync(join(shared, 'state'), { recursive: true });
  const refused = (path: string) =>
    assert.throws(
      () => pathOwner(path),
      (error) => error instanceof SharedPathError && error.message.includes(shared),
    );
  chmodSync(shared, 0o777);
  refused(shared);
  refused(join(shared, 'state'));
  chownSync(shared, 0, nobody.gid);
  chmodSync(shared, 0o775);
  refused(join(shared, 'state'));
  chownSync(shared, 0, 0);
  assert.equal(pathOwner(join(shared, 'state')), null, 'the group of root is root’s');
  chmodSync(shared, 0o1777);
  assert.equal(pathOwner(join(shared, 'state')), null, 'it is sticky');
  refused(shared);
});

test('a file ends the path, and a world-writable file is refused', { skip }, () => {
  const file = join(testDirectory(), 'file');
  writeFileSync(file, '');
  assert.equal(pathOwner(join(file, 'x')), null);
  chmodSync(file, 0o666);
  assert.throws(() => pathOwner(file), SharedPathError);
});

test('a cycle of links is an error', { skip }, () => {
  const folder = testDirectory();
  symlinkSync('b', join(folder, 'a'));
  symlinkSync('a', join(folder, 'b'));
  assert.throws(() => pathOwner(join(folder, 'a')), /too many symbolic links/);
});
