import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { postmasterPid, startDaemon } from '../../support/daemon.js';
import { isRunning } from '../../support/until.js';
import { llmproxy, temporaryFolder } from '../llmproxy.js';

test('stop ends the gateway and its database, and reports when none runs', async (t) => {
  const daemon = await startDaemon(t, { database: 'embedded' });
  const postgres = postmasterPid(daemon.dataDir) ?? 0;
  assert.ok(isRunning(postgres));
  const { code, stdout } = await daemon.cli(['stop', '--json']);
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).pid, daemon.pid);
  assert.ok(!isRunning(daemon.pid) && !isRunning(postgres));
  assert.deepEqual(await daemon.exited, { code: 0, signal: null });
  const again = await daemon.cli(['stop']);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /no llmproxy runs on the data directory/);
});

test('a command that needs the database itself is refused without that of the gateway, and creates none', async (t) => {
  const daemon = await startDaemon(t);
  const env = { DB_URL: '' };
  const { code, stdout, stderr } = await daemon.cli(['migrate', 'status'], { env });
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /error: the gateway that runs here uses the database .*\/test_\w+, this/);
  assert.match(stderr, /give it the same DB_URL/);
  assert.doesNotMatch(stderr, /password/);
  for (const command of [
    ['keys', 'create', 'alice'],
    ['provider', 'list'],
  ]) {
    assert.equal((await daemon.cli(command, { env })).code, 0, 'asks the gateway');
  }
  assert.ok(!existsSync(join(daemon.dataDir, 'postgres')));
});

for (const bytes of [95, 104, 200]) {
  test(`serve refuses a data directory of ${bytes} bytes by name`, async (t) => {
    const folder = temporaryFolder(t);
    const dataDir = join(folder, 'x'.repeat(bytes - folder.length - 1));
    const { code, stderr } = await llmproxy(['serve', '--data-dir', dataDir]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`has a path of ${bytes} bytes, and its sockets allow 9[04]`));
    assert.ok(!existsSync(dataDir));
  });
}

test('serve refuses a data directory with a line break by name', async (t) => {
  const dataDir = join(temporaryFolder(t), 'a\nb');
  const { code, stderr } = await llmproxy(['serve', '--data-dir', dataDir]);
  assert.equal(code, 1);
  assert.match(stderr, /^error: the data directory ".*a\\nb" has a line break\nchoose another/);
  assert.ok(!existsSync(dataDir));
});

test('a gateway serves, and commands find it, in a directory of 90 bytes', async (t) => {
  const folder = temporaryFolder(t);
  const dataDir = join(folder, 'y'.repeat(90 - folder.length - 1));
  const daemon = await startDaemon(t, { env: { LLMPROXY_DATA_DIR: dataDir } });
  assert.ok(existsSync(join(dataDir, 'control.sock')));
  const { stdout } = await daemon.cli([
    'provider',
    'add',
    'a',
    '--api-base',
    'http://a',
    '--api-key',
    'k',
  ]);
  assert.match(stdout, /active \(version/);
});
