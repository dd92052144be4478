import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashKey } from '../../src/config/credential-key.js';
import { AdminKeyCheck } from '../../src/proxy/admin-key-check.js';

test('only the key itself is right, in any spelling of the scheme', () => {
  const check = new AdminKeyCheck([hashKey('a-further-key'), hashKey('the-admin-key')]);
  for (const header of ['Bearer the-admin-key', 'bearer  the-admin-key ']) {
    assert.ok(check.holds(header), header);
  }
  for (const header of ['', 'Bearer', 'Bearer the-admin-key2', 'Basic the-admin-key']) {
    assert.ok(!check.holds(header), header);
  }
});

test('after ten wrong keys none is right until the minute is over', () => {
  let nowMs = 5;
  const check = new AdminKeyCheck(
    [hashKey('a-further-key'), hashKey('the-admin-key')],
    () => nowMs,
  );
  for (let i = 0; i < 10; i++) {
    assert.ok(check.holds('Bearer the-admin-key'));
    assert.ok(!check.holds(`Bearer wrong-${i}`));
  }
  assert.ok(!check.holds('Bearer the-admin-key'));
  nowMs += 59_999;
  assert.ok(!check.holds('Bearer the-admin-key'));
  nowMs += 1;
  assert.ok(check.holds('Bearer the-admin-key'));
});
