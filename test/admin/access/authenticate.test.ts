import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AdminKey,
  adminAuthenticator,
  authorize,
} from '../../../src/admin/access/authenticate.js';
import { Guesses } from '../../../src/admin/access/guesses.js';
import { hashKey } from '../../../src/config/secrets/credential-key.js';
import type { GatewayError } from '../../../src/errors.js';
import type { GatewayEvent } from '../../../src/observe/event.js';

const keys: AdminKey[] = [
  { name: 'admin', role: 'admin', sha256: hashKey('the-admin-key'), expiresAt: null },
  { name: 'board', role: 'viewer', sha256: hashKey('the-key-of-the-board'), expiresAt: null },
  {
    ...{ name: 'late', role: 'admin', sha256: hashKey('the-key-of-yesterday') },
    expiresAt: Date.now() - 1,
  },
];
const right = 'Bearer the-admin-key';
const wrong = 'Bearer a-guess';

function start() {
  let nowMs = 0;
  const events: GatewayEvent[] = [];
  const guesses = new Guesses(
    (event) => events.push(event),
    () => nowMs,
  );
  const authenticate = adminAuthenticator(keys, guesses);
  const outcome = (header: string | undefined, address = '192.0.2.1') => {
    try {
      authenticate(header, address);
      return 'passed';
    } catch (error) {
      return (error as GatewayError).code;
    }
  };
  const wait = (ms: number) => {
    nowMs += ms;
  };
  return { authenticate, outcome, wait, events };
}

test('accepts the key, whatever the case of the scheme', () => {
  const { outcome } = start();
  assert.equal(outcome(right), 'passed');
  assert.equal(outcome('bearer  the-admin-key'), 'passed');
  assert.equal(outcome(wrong), 'invalid_api_key');
  assert.equal(outcome('Basic dGhl'), 'missing_api_key');
  assert.equal(outcome(undefined), 'missing_api_key');
  const empty = { name: 'empty', role: 'admin', sha256: hashKey(''), expiresAt: null } as const;
  const authenticate = adminAuthenticator([empty], new Guesses(() => {}));
  for (const header of ['Bearer', 'Bearer  ', 'Bearer \u00a0']) {
    assert.throws(() => authenticate(header, '192.0.2.1'), { code: 'missing_api_key' });
  }
});

test('makes an address wait after ten wrong keys in a minute, and no other', () => {
  const { outcome, wait, authenticate } = start();
  for (let i = 0; i < 10; i++) assert.equal(outcome(wrong), 'invalid_api_key');
  assert.equal(outcome(wrong), 'rate_limit_exceeded');
  assert.equal(outcome(wrong, '192.0.2.2'), 'invalid_api_key');
  wait(20_000);
  assert.throws(
    () => authenticate(wrong, '192.0.2.1'),
    (error: GatewayError) => error.headers['retry-after'] === '40',
  );
  wait(40_000);
  assert.equal(outcome(wrong), 'invalid_api_key');
});

test('lets the right key pass, whatever else its address has sent', () => {
  const { outcome } = start();
  for (let i = 0; i < 2_000; i++) outcome(wrong);
  assert.equal(outcome(right), 'passed');
});

test('makes all senders of wrong keys wait when there are too many in total', () => {
  const { outcome, wait } = start();
  for (let i = 0; i < 1_000; i++) {
    assert.equal(outcome(wrong, `10.0.${i >> 8}.${i & 255}`), 'invalid_api_key');
  }
  assert.equal(outcome(wrong, '10.9.9.9'), 'rate_limit_exceeded');
  assert.equal(outcome(right, '10.9.9.9'), 'passed');
  wait(60_000);
  assert.equal(outcome(wrong, '10.9.9.9'), 'invalid_api_key');
});

test('forgets the wrong keys of an address that sends the right one', () => {
  const { outcome } = start();
  for (let i = 0; i < 9; i++) outcome(wrong);
  assert.equal(outcome(right), 'passed');
  for (let i = 0; i < 10; i++) assert.equal(outcome(wrong), 'invalid_api_key');
});

test('counts no requests without a key, and no commands on the control socket', () => {
  const { outcome, events } = start();
  for (let i = 0; i < 50; i++) outcome(undefined);
  for (let i = 0; i < 50; i++) assert.equal(outcome(wrong, 'local'), 'invalid_api_key');
  assert.equal(outcome(wrong), 'invalid_api_key');
  assert.deepEqual(events, [
    { type: 'wrong_key', kind: 'admin', address: '192.0.2.1', isSample: true },
  ]);
});

test('names the owner of the key, and lets a viewer only read', () => {
  const { authenticate } = start();
  assert.equal(authenticate(right, 'local').name, 'admin');
  const board = authenticate('Bearer the-key-of-the-board', 'local');
  assert.equal(board.name, 'board');
  const viewer = { actor: 'admin:board', role: board.role };
  authorize(viewer, { method: 'GET' });
  authorize(viewer, { method: 'POST', readOnly: true });
  const denied = { code: 'permission_denied' };
  assert.throws(() => authorize(viewer, { method: 'POST' }), denied);
  assert.throws(() => authorize(viewer, { method: 'PUT', operators: true }), denied);
  authorize({ ...viewer, role: authenticate(right, 'local').role }, { method: 'DELETE' });
  const operator = { ...viewer, role: 'operator' as const };
  authorize(operator, { method: 'GET' });
  authorize(operator, { method: 'POST', readOnly: true });
  authorize(operator, { method: 'DELETE', operators: true });
  assert.throws(() => authorize(operator, { method: 'DELETE' }), denied);
});

test('an expired key is refused by name, and does not count as a guess', () => {
  const { authenticate } = start();
  for (let i = 0; i < 20; i++) {
    assert.throws(() => authenticate('Bearer the-key-of-yesterday', '192.0.2.1'), {
      code: 'invalid_api_key',
      message: 'The admin key "late" has expired.',
    });
  }
});
