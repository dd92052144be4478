import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  generateKey,
  hashKey,
  isMistyped,
  keyPattern,
  newKeyProblem,
  previewKey,
} from '../../../src/config/secrets/credential-key.js';

test('a generated key is sk-llmp- and 48 base62 characters, and unique', () => {
  const keys = Array.from({ length: 1_000 }, generateKey);
  for (const key of keys) assert.match(key, /^sk-llmp-[0-9A-Za-z]{48}$/);
  assert.equal(new Set(keys).size, keys.length);
  assert.deepEqual(keys.filter(isMistyped), []);
});

test('the last six characters of a generated key are the CRC-32 of the others in base62', () => {
  const random = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEF';
  assert.equal(isMistyped(`sk-llmp-${random}17v1zl`), false);
});

test('any changed, extra or missing character in a generated key is detected', () => {
  const key = generateKey();
  fc.assert(
    fc.property(fc.nat({ max: 47 }), fc.constantFrom(...'0Az'), (place, character) => {
      const at = 'sk-llmp-'.length + place;
      fc.pre(key[at] !== character);
      assert.ok(isMistyped(key.slice(0, at) + character + key.slice(at + 1)));
    }),
  );
  for (const other of [key.slice(0, -1), `${key}0`, 'sk-llmp-', `sk-llmp-${'-'.repeat(48)}`]) {
    assert.ok(isMistyped(other), other);
    assert.match(newKeyProblem(other, true, '--flag') ?? '', /mistyped/);
  }
  assert.equal(isMistyped('sk-of-another-kind'), false);
});

test('a new key needs 24 characters unless short ones are allowed, and no surrounding spaces', () => {
  assert.match(newKeyProblem('x'.repeat(23), false, '--flag') ?? '', /24 characters.*say --flag$/);
  assert.equal(newKeyProblem('x'.repeat(24), false, '--flag'), null);
  assert.equal(newKeyProblem('x'.repeat(8), true, '--flag'), null);
  const pattern = new RegExp(keyPattern);
  for (const key of ['a', 'a b', '!~', 'a  b c']) assert.match(key, pattern);
  for (const key of ['', ' a', 'a ', 'a\tb', 'a\nb', 'ä', 'a\0', 'a\n']) {
    assert.doesNotMatch(key, pattern);
  }
});

test('every character is equally likely in a generated key', () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 5_000; i++) {
    for (const character of generateKey().slice('sk-llmp-'.length, -6)) {
      counts.set(character, (counts.get(character) ?? 0) + 1);
    }
  }
  const expected = (5_000 * 42) / 62;
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
