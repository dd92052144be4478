import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AdminKey,
  adminAuthenticator,
  authorize,
  isLocal,
} from '../../src/admin/authenticate.js';
import { hashKey } from '../../src/config/credential-key.js';
import type { GatewayError } from '../../src/errors.js';

const keys: AdminKey[] = [
  { name: 'admin', role: 'admin', sha256: hashKey('the-admin-key') },
  { name: 'board', role: 'viewer', sha256: hashKey('the-key-of-the-board') },
];
const right = 'Bearer the-admin-key';
const wrong = 'Bearer a-guess';

function start() {
  let nowMs = 0;
  const authenticate = adminAuthenticator(keys, () => nowMs);
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
  return { authenticate, outcome, wait };
}

test('accepts the key, whatever the case of the scheme', () => {
  const { outcome } = start();
  assert.equal(outcome(right), 'passed');
  assert.equal(outcome('bearer  the-admin-key'), 'passed');
  assert.equal(outcome(wrong), 'invalid_api_key');
  assert.equal(outcome('Basic dGhl'), 'missing_api_key');
  assert.equal(outcome(undefined), 'missing_api_key');
});

test('makes an address wait after ten wrong keys in a minute, and no other', () => {
  const { outcome, wait, authenticate } = start();
  for (let i = 0; i < 10; i++) assert.equal(outcome(wrong), 'invalid_api_key');
  assert.equal(outcome(right), 'rate_limit_exceeded');
  assert.equal(outcome(right, '192.0.2.2'), 'passed');
  wait(20_000);
  assert.throws(
    () => authenticate(right, '192.0.2.1'),
    (error: GatewayError) => error.headers['retry-after'] === '40',
  );
  wait(40_000);
  assert.equal(outcome(right), 'passed');
});

test('forgets the wrong keys of an address that sends the right one', () => {
  const { outcome } = start();
  for (let i = 0; i < 9; i++) outcome(wrong);
  assert.equal(outcome(right), 'passed');
  for (let i = 0; i < 9; i++) outcome(wrong);
  assert.equal(outcome(right), 'passed');
});

test('does not count requests without a key', () => {
  const { outcome } = start();
  for (let i = 0; i < 50; i++) outcome(undefined);
  assert.equal(outcome(right), 'passed');
});

test('takes all addresses of an IPv6 network for one', () => {
  const { outcome } = start();
  for (let i = 0; i < 10; i++) outcome(wrong, `2001:db8:0:1::${i}`);
  assert.equal(outcome(right, '2001:db8:0:1:ffff::1'), 'rate_limit_exceeded');
  assert.equal(outcome(right, '2001:db8:0:2::1'), 'passed');
});

test('counts the addresses of loopback, but not commands that came over the control socket', () => {
  const { outcome } = start();
  for (let i = 0; i < 20; i++) outcome(wrong, '127.0.0.1');
  for (let i = 0; i < 20; i++) outcome(wrong, 'local');
  assert.equal(outcome(right, '127.0.0.1'), 'rate_limit_exceeded');
  assert.equal(outcome(right, 'local'), 'passed');
});

test('remembers no more than ten thousand addresses', () => {
  const { outcome } = start();
  for (let i = 0; i < 10; i++) outcome(wrong, '192.0.2.1');
  for (let i = 0; i < 10_000; i++) outcome(wrong, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  assert.equal(outcome(right, '192.0.2.1'), 'passed');
});

test('knows which addresses are of this machine', () => {
  for (const address of ['local', '127.0.0.1', '127.8.8.8', '::1']) assert.ok(isLocal(address));
  for (const address of ['', '10.0.0.1', '::2', '128.0.0.1']) assert.ok(!isLocal(address));
});

test('tells whose key it was, and lets a viewer only look', () => {
  const { authenticate } = start();
  assert.equal(authenticate(right, 'local').name, 'admin');
  const viewer = authenticate('Bearer the-key-of-the-board', 'local');
  assert.equal(viewer.name, 'board');
  authorize(viewer, 'GET', false);
  authorize(viewer, 'POST', true);
  assert.throws(() => authorize(viewer, 'POST', false), { code: 'permission_denied' });
  authorize(authenticate(right, 'local'), 'DELETE', false);
});
