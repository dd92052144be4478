import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSettings } from '../../../src/config/settings/settings.js';
import { Bulk } from '../../../src/daemon/bulk/bulk.js';
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

function bulkFor(dbUrl = 'postgres://127.0.0.1:1/none') {
  const settings = loadSettings({ dataDir: testDirectory() });
  return new Bulk({
    settings,
    daemon: 'd',
    dbUrl: () => dbUrl,
    reload: async () => ({ version: 1 }),
  });
}

test('requests beyond the queue’s limit are refused, and those who leave make room', async () => {
  const bulk = bulkFor();
  const client = new AbortController();
  const codes = Array.from({ length: 18 }, () =>
    bulk.answer(plan(''), client.signal).then(
      () => 'answered',
      ({ code }: { code: string }) => code,
    ),
  );
  assert.deepEqual(await Promise.all(codes.slice(16)), ['overloaded', 'overloaded']);
  client.abort();
  assert.deepEqual(new Set(await Promise.all(codes.slice(0, 16))), new Set(['request_timeout']));
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
  assert.deepEqual(await Promise.all(viewers.slice(4)), ['overloaded', 'overloaded']);
  assert.equal(await admins[12], 'overloaded');
  client.abort();
  const codes = await Promise.all([...viewers.slice(0, 4), ...admins.slice(0, 12)]);
  assert.deepEqual(new Set(codes), new Set(['request_timeout']));
  assert.equal(await ask('viewer'), 'request_timeout');
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
