import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { giveToNobody, notOfNobody, withoutSecondUser } from '../../support/second-user.js';
import { json, llmproxy, temporaryFolder, usage } from '../llmproxy.js';

const root = fileURLToPath(new URL('../../../..', import.meta.url)).replace(/\/$/, '');
const unitPath = 'etc/systemd/system/llmproxy.service';
const sysctlPath = 'etc/sysctl.d/90-llmproxy.conf';
const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;

test('systemd install writes the unit with the paths of this installation, and prints the next steps', async (t) => {
  const folder = temporaryFolder(t);
  const result = await json(llmproxy(['systemd', 'install', '--root', folder, '--json']));
  assert.deepEqual(result.files, [
    { path: join(folder, unitPath), state: 'written' },
    { path: join(folder, sysctlPath), state: 'written' },
  ]);
  assert.ok(result.next.includes('systemctl enable --now llmproxy'));
  const unit = readFileSync(join(folder, unitPath), 'utf8');
  assert.match(unit, new RegExp(`^ExecStart=\\S*node ${root}/bin/llmproxy.js serve$`, 'm'));
  assert.match(unit, new RegExp(`^WorkingDirectory=${root}$`, 'm'));
  assert.match(unit, /^User=llmproxy$/m);
});

test('systemd install leaves matching files alone, and replaces different ones only with --force', async (t) => {
  const folder = temporaryFolder(t);
  const install = ['systemd', 'install', '--root', folder];
  await json(llmproxy([...install, '--json']));
  const again = await json(llmproxy([...install, '--json']));
  assert.deepEqual(
    again.files.map(({ state }: { state: string }) => state),
    ['unchanged', 'unchanged'],
  );

  writeFileSync(join(folder, sysctlPath), '# mine\n');
  const refused = await llmproxy([...install, '--run-as', 'gateway']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /llmproxy\.service exists and differs/);
  assert.doesNotMatch(readFileSync(join(folder, unitPath), 'utf8'), /User=gateway/);

  const forced = await llmproxy([...install, '--run-as', 'gateway', '--force']);
  assert.equal(forced.code, 0, forced.stderr);
  assert.match(readFileSync(join(folder, unitPath), 'utf8'), /^User=gateway\nGroup=gateway$/m);
  assert.match(
    readFileSync(join(folder, sysctlPath), 'utf8'),
    /^-net\.ipv4\.tcp_migrate_req = 1$/m,
  );
});

test('systemd install follows no link, and refuses a path that would add a line to the unit', async (t) => {
  const folder = temporaryFolder(t);
  const elsewhere = join(folder, 'elsewhere');
  mkdirSync(join(folder, dirname(unitPath)), { recursive: true });
  symlinkSync(elsewhere, join(folder, unitPath));
  const { code, stderr } = await llmproxy(['systemd', 'install', '--root', folder]);
  assert.equal(code, 0, stderr);
  assert.ok(!existsSync(elsewhere));
  assert.ok(lstatSync(join(folder, unitPath)).isFile());

  const config = join(folder, 'a\nExecStartPre=b');
  writeFileSync(config, '');
  const args = ['systemd', 'install', '--print', '--config', config];
  await usage(args, /a unit cannot name ".*\\nExecStartPre=b"/);
});

test('systemd install writes no file of root into a folder of another user', {
  skip: withoutSecondUser,
}, async (t) => {
  const folder = temporaryFolder(t);
  giveToNobody(folder);
  const { code, stderr } = await llmproxy(['systemd', 'install', '--root', folder]);
  assert.equal(code, 0, stderr);
  assert.ok(existsSync(join(folder, unitPath)));
  assert.deepEqual(notOfNobody(folder), []);
});

test('systemd install --print writes nothing', async (t) => {
  const folder = temporaryFolder(t);
  const { code, stdout } = await llmproxy(['systemd', 'install', '--print', '--root', folder]);
  assert.equal(code, 0);
  assert.ok(stdout.startsWith(`# ${join(folder, unitPath)}\n`));
  assert.ok(!existsSync(join(folder, 'etc')));
});

test('systemd install --user writes into the folder of the user, and no kernel setting', async (t) => {
  const home = temporaryFolder(t);
  const result = await json(
    llmproxy(['systemd', 'install', '--user', '--json'], { env: { HOME: home } }),
  );
  const path = join(home, '.config/systemd/user/llmproxy.service');
  assert.deepEqual(result.files, [{ path, state: 'written' }]);
  const unit = readFileSync(path, 'utf8');
  assert.match(unit, /^WantedBy=default\.target$/m);
  assert.doesNotMatch(unit, /^(User|StateDirectory|ProtectSystem)=/m);
});

test('systemd install explains invalid arguments', async () => {
  await usage(['systemd', 'install', '--run-as', 'root'], /--run-as: root is not allowed/);
  await usage(['systemd', 'install', '--run-as', 'a b'], /--run-as: "a b" is not the name/);
  await usage(['systemd', 'install', '--config', '/no/such.yaml'], /no file \/no\/such\.yaml/);
});

test('the unit is exposed to no more than 2.0', { skip: !hasAnalyze && 'no systemd' }, () => {
  const unit = join(root, 'systemd/llmproxy.service');
  const { status, stdout, stderr } = spawnSync(
    'systemd-analyze',
    ['security', '--offline=true', '--threshold=20', '--no-pager', unit],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stdout + stderr);
});
