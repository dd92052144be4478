import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isReplaced } from '../../../src/admin/server/replaced-files.js';
import { loadSettings } from '../../../src/config/settings/settings.js';
import { Bulk } from '../../../src/daemon/bulk/bulk.js';
import { inPackage } from '../../../src/package.js';
import { testDirectory } from '../../support/postgres.js';

const request = {
  operationId: 'planConfig',
  params: {},
  headers: {},
  query: '',
  remoteAddress: 'local',
  local: true,
  requestId: 'r',
  isCommand: false,
  role: 'admin' as const,
  actor: 'admin:test',
};

function plan(document: unknown) {
  return { ...request, body: new TextEncoder().encode(JSON.stringify({ document })) };
}

function bulkFor(
  dbUrl = 'postgres://127.0.0.1:1/none',
  options: { file?: string; patienceMs?: number } = {},
) {
  const settings = loadSettings({ dataDir: testDirectory() });
  return new Bulk({
    settings,
    daemon: 'd',
    dbUrl: () => dbUrl,
    reload: async () => ({ version: 1 }),
    ...options,
  });
}

test('requests beyond the queue’s limit are refused, and those who leave make room', async () => {
  const bulk = bulkFor();
  const client = new AbortController();
  const codes = Array.from({ length: 19 }, () =>
    bulk.answer(plan(''), client.signal).then(
      () => 'answered',
      ({ code }: { code: string }) => code,
    ),
  );
  assert.deepEqual(await Promise.all(codes.slice(17)), ['overloaded', 'overloaded']);
  client.abort();
  assert.deepEqual(new Set(await Promise.all(codes.slice(0, 17))), new Set(['request_timeout']));
  const { signal } = new AbortController();
  await assert.rejects(bulk.answer(plan(5), signal), {
    code: 'invalid_request',
    param: 'document',
  });
});

test('keys of viewers leave room for those that may change something', async () => {
  const bulk = bulkFor();
  const client = new AbortController();
  const ask = (role: 'admin' | 'viewer') =>
    bulk.answer({ ...plan(''), role }, client.signal).then(
      () => 'answered',
      ({ code }: { code: string }) => code,
    );
  const viewers = Array.from({ length: 6 }, () => ask('viewer'));
  const admins = Array.from({ length: 13 }, () => ask('admin'));
  assert.equal(await viewers[5], 'overloaded');
  assert.equal(await admins[12], 'overloaded');
  client.abort();
  const codes = await Promise.all([...viewers.slice(0, 5), ...admins.slice(0, 12)]);
  assert.deepEqual(new Set(codes), new Set(['request_timeout']));
  assert.equal(await ask('viewer'), 'request_timeout');
});

test('a viewer’s request at work ends once a change has waited for it', async () => {
  const file = join(testDirectory(), 'never.mjs');
  writeFileSync(file, "import { parentPort } from 'node:worker_threads'; parentPort.ref();");
  const bulk = bulkFor(undefined, { file, patienceMs: 1 });
  const client = new AbortController();
  const viewer = bulk.answer({ ...plan(''), role: 'viewer' }, client.signal);
  const other = bulk.answer({ ...plan(''), role: 'viewer' }, client.signal);
  const admin = bulk.answer(plan(''), client.signal);
  await assert.rejects(viewer, { code: 'overloaded' });
  client.abort();
  await assert.rejects(admin, { code: 'request_timeout' });
  await assert.rejects(other, { code: 'request_timeout' });
});

test('keys that may change something are answered before viewers who wait', async () => {
  const bulk = bulkFor();
  const { signal } = new AbortController();
  const order: string[] = [];
  const ask = (name: string, role: 'admin' | 'operator' | 'viewer') =>
    bulk.answer({ ...plan('- ['), role }, signal).catch(() => order.push(name));
  await Promise.all([
    ask('first', 'viewer'),
    ask('viewer 1', 'viewer'),
    ask('viewer 2', 'viewer'),
    ask('admin', 'admin'),
    ask('operator', 'operator'),
  ]);
  assert.deepEqual(order, ['first', 'admin', 'operator', 'viewer 1', 'viewer 2']);
});

test('an error in the thread is reported like any other, and the next request is answered', async () => {
  const bulk = bulkFor();
  const { signal } = new AbortController();
  await assert.rejects(bulk.answer(plan('credentials: {}'), signal), { code: 'unavailable' });
  await assert.rejects(
    bulk.answer({ ...plan(''), operationId: 'getUsage' }, signal),
    /not a bulk route/,
  );
  await assert.rejects(bulk.answer(plan('- ['), signal), { code: 'invalid_request' });
});

test('a thread whose files were replaced since the start is not begun', async () => {
  const file = join(testDirectory(), 'thread.mjs');
  // It imports a package, so that it fails as the real one does where packages are gone.
  writeFileSync(file, "import 'a-package-that-is-gone';\n");
  const bulk = bulkFor(undefined, { file });
  const { signal } = new AbortController();
  const refused = { code: 'unavailable', message: /run llmproxy upgrade/ };
  await assert.rejects(bulk.answer(plan(''), signal), refused);
  rmSync(file);
  await assert.rejects(bulk.answer(plan(''), signal), refused);
  writeFileSync(file, '// of another version\n');
  await assert.rejects(bulk.answer(plan(''), signal), refused);
});

test('errors of other files are not those of a replaced program', () => {
  const missing = (code: string, path: string) => Object.assign(new Error('gone'), { code, path });
  assert.ok(isReplaced(missing('ENOENT', inPackage('dist/console'))));
  assert.ok(isReplaced(missing('MODULE_NOT_FOUND', '')));
  assert.ok(!isReplaced(missing('ENOENT', inPackage('config/x'))));
  assert.ok(!isReplaced(missing('EACCES', inPackage('dist/console'))));
  assert.ok(!isReplaced('gone'));
});
