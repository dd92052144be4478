import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Credential } from '../../../src/config/configuration.js';
import { ContentHash } from '../../../src/daemon/follow/content-hash.js';
import { configuration, credential } from '../../config/configuration-for-test.js';

test('any field of a credential changes the hash, but for what is only shown', () => {
  const changes: Partial<Credential>[] = [
    ...[{ id: 7 }, { credential_key: 'f'.repeat(64) }, { name: 'x' }, { rate_limit: 1 }],
    ...[{ team: 'a' }, { expires_at: '2030-01-01T00:00:00Z' }, { allowed_models: ['a'] }],
    ...[{ burst: 2 }, { is_enabled: false }, { tags: ['a'] }, { store_bodies: true }],
    ...[{ losses: 'warn' as const }, { allowed_ips: ['::1'] }, { limits: { max_concurrency: 1 } }],
    ...[{ weight: 2 }, { priority: 1 }, { cache: { mode: 'on' as const } }, { previous_key: 'a' }],
    { previous_expires_at: '2030-01-01T00:00:00Z' },
  ];
  const hashOf = (fields: Partial<Credential>) => {
    const keys = [credential('a'), credential('b', fields), credential('c')];
    return ContentHash.of(configuration([], keys)).hex;
  };
  const hashes = [{}, ...changes].map(hashOf);
  assert.equal(new Set(hashes).size, changes.length + 1);
  assert.equal(hashOf({ key_preview: 'sk-…wxyz' }), hashes[0]);
});

test('the hash does not depend on which credentials are neighbours', () => {
  const plain = ['a', 'b'].map((name) => credential(name));
  const other = credential('c', { tags: ['x'] });
  const [one, two] = plain as [Credential, Credential];
  const hash = (keys: Credential[]) => ContentHash.of(configuration([], keys)).hex;
  assert.equal(hash([one, two, other]), hash([other, two, one]));
  assert.equal(hash([one, other, two]), hash([two, one, other]));
  const before = ContentHash.of(configuration([], [one, two]));
  const change = { removed: [two], added: [other], hasOthers: false };
  assert.equal(before.changed(configuration([], [one, other]), change).hex, hash([one, other]));
});
