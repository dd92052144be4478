import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashKey } from '../../../src/config/secrets/credential-key.js';
import { AdminKeyCheck } from '../../../src/proxy/access/admin-key-check.js';

test('only the key itself is right, in any spelling of the scheme', () => {
  const check = new AdminKeyCheck([
    { sha256: hashKey('a-further-key'), expiresAt: null, role: 'team:red' },
    { sha256: hashKey('the-admin-key'), expiresAt: Date.now() + 60_000, role: 'viewer' },
    { sha256: hashKey('the-old-key'), expiresAt: Date.now() - 1, role: 'admin' },
    { sha256: hashKey(''), expiresAt: null, role: 'admin' },
  ]);
  for (const header of ['Bearer the-admin-key', 'bearer  the-admin-key ']) {
    assert.ok(check.holds(header), header);
    assert.ok(check.seesAll(header), header);
    assert.equal(check.roleOf(header), 'viewer');
  }
  assert.ok(check.holds('Bearer a-further-key'));
  assert.ok(!check.seesAll('Bearer a-further-key'), 'that of a team');
  for (const header of [
    '',
    'Bearer',
    'Bearer the-admin-key2',
    'Basic the-admin-key',
    'Bearer the-old-key',
    'Bearer  ',
    'Bearer \u00a0',
  ]) {
    assert.ok(!check.holds(header), header);
    assert.ok(!check.seesAll(header), header);
    assert.equal(check.roleOf(header), null);
  }
});
