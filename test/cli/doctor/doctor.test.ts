import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../../support/daemon.js';
import { answerChat, startUpstream } from '../../support/upstream.js';
import { json, llmproxy, temporaryFolder, withOwnDatabase } from '../llmproxy.js';

interface Finding {
  check: string;
  state: string;
  detail: string;
  todo: string | null;
}

test('doctor reports each check as ok, or gives advice', async (t) => {
  const daemon = await startDaemon(t);
  const good = await startUpstream(t, answerChat);
  const bad = await startUpstream(t, (_request, response) => void response.writeHead(401).end());
  await daemon.addProvider('good', { api_base: good.url });
  await daemon.addProvider('bad', { api_base: bad.url });
  await daemon.addProvider('gone', { api_base: 'http://127.0.0.1:1/v1' });
  await daemon.addProvider('unset', { api_base: good.url, api_key: 'env:NOT_SET_HERE' });
  daemon.secrets.delete('env:NOT_SET_HERE');
  await daemon.reload();
  const { code, stdout } = await daemon.cli(['doctor'], { env: { COLUMNS: '80' } });
  assert.equal(code, 1);
  assert.match(stdout, /^ok {4}gateway +llmproxy \S+ runs \(pid \d+\)$/m);
  assert.match(stdout, /^ok {4}migrations /m);
  assert.match(stdout, /^ok {4}provider good +answers 200 /m);
  assert.match(stdout, /^fail {2}provider bad +answers 401 .*\n +→ give it another key/m);
  assert.match(stdout, /^fail {2}provider gone /m);
  assert.match(stdout, /^(?:fail|warn) {2}secrets [\s\S]*unset[\s\S]*NOT_SET_HERE/m);
  for (const line of stdout.split('\n')) {
    assert.ok(line.length <= 80 || line.includes(daemon.home), line);
  }
  for (const secret of daemon.secrets) assert.ok(!stdout.includes(secret));
  const { ok, checks } = JSON.parse((await daemon.cli(['doctor', '--json'])).stdout);
  assert.equal(ok, false);
  const names = checks.map(({ check }: Finding) => check);
  for (const name of ['node', 'engine', 'port', 'open files', 'clock', 'database', 'secrets']) {
    assert.ok(names.includes(name), name);
  }
});

test('doctor works without a running gateway, and without the database', async (t) => {
  const { run } = await withOwnDatabase(t);
  const { checks } = await json(run(['doctor', '--json'], { env: { PORT: '0' } }));
  const gateway = checks.find(({ check }: Finding) => check === 'gateway');
  assert.match(gateway.detail, /does not run here/);
  const env = {
    DB_URL: 'postgres://user:hunter2@127.0.0.1:1/x',
    LLMPROXY_DATA_DIR: temporaryFolder(t),
    ADMIN_KEY: 'admin-key-of-23-letters',
  };
  const away = await llmproxy(['doctor'], { env });
  assert.equal(away.code, 1);
  assert.match(away.stdout, /^fail {2}database [\s\S]*nothing listens/m);
  assert.match(away.stdout, /^warn {2}admin keys +fewer than 24 characters[\s\S]*: admin$/m);
  assert.doesNotMatch(away.stdout + away.stderr, /hunter2|of-23-letters/);
  const long = await llmproxy(['doctor'], { env: { ...env, ADMIN_KEY: `${env.ADMIN_KEY}s` } });
  assert.match(long.stdout, /^ok {4}admin keys +none is short$/m);
});

test('doctor finds a settings file with a secret that others may read', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'llmproxy.yaml');
  const settings = async (text: string, mode: number): Promise<string> => {
    writeFileSync(file, text);
    chmodSync(file, mode);
    const env = { LLMPROXY_DATA_DIR: join(folder, 'data'), PORT: '0', LLMPROXY_CONFIG: file };
    return (await llmproxy(['doctor'], { env })).stdout.replace(/\n +/g, ' ');
  };
  const secret = 'admin: { key: a-key-of-more-than-24-letters }\n';
  assert.match(await settings(secret, 0o644), /^warn {2}settings +others may read .* admin\.key /m);
  assert.match(await settings(secret, 0o640), /^ok {4}settings /m);
  assert.match(await settings('log: { level: warn }\n', 0o644), /^ok {4}settings /m);
});

test('doctor finds nothing wrong with an embedded database, whose owner makes the tables', async (t) => {
  const env = { LLMPROXY_DATA_DIR: temporaryFolder(t), PORT: '0' };
  assert.equal((await llmproxy(['migrate', 'up'], { env })).code, 0);
  const { stdout } = await llmproxy(['doctor'], { env });
  assert.match(stdout, /^ok {4}database +embedded/m);
  assert.match(stdout, /^ok {4}migrations +all \d+ are applied$/m);
});
