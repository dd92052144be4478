import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { generateKey, hashKey, previewKey } from '../../src/config/credential-key.js';

test('a generated key is sk- and 48 base62 characters, never the same', () => {
  const keys = Array.from({ length: 1_000 }, generateKey);
  for (const key of keys) assert.match(key, /^sk-[0-9A-Za-z]{48}$/);
  assert.equal(new Set(keys).size, keys.length);
});

test('every character is equally likely in a generated key', () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 5_000; i++) {
    for (const character of generateKey().slice(3)) {
      counts.set(character, (counts.get(character) ?? 0) + 1);
    }
  }
  const expected = (5_000 * 48) / 62;
  const chiSquare = [...counts.values()].reduce(
    (sum, n) => sum + (n - expected) ** 2 / expected,
    0,
  );
  // 61 degrees of freedom: exceeded by an unbiased generator once in 10^12 runs; a byte modulo 62
  // gives over 1,500.
  assert.equal(counts.size, 62);
  assert.ok(chiSquare < 175, `chi-square ${chiSquare}`);
});

test('the hash is SHA-256 in lower-case hex', () => {
  assert.equal(
    hashKey('sk-my-secret-key'),
    '7fbec1b38981289ca1e547a4a1e8fa4ebfa706fb01cb381f85985d0e7093813e',
  );
});

test('a preview hides at least eight characters, and all of a short key', () => {
  assert.equal(previewKey('sk-0123456789abcdefgh'), 'sk-…efgh');
  assert.equal(previewKey('0123456789abcdef'), '…cdef');
  assert.equal(previewKey('0123456789a'), '…');
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), (key) => {
      const shown = previewKey(key).replace('…', '').length;
      assert.ok(shown === 0 || key.length - shown >= 8);
    }),
  );
});
