import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatSecretKey,
  generateSecretKey,
  isSealed,
  open,
  parseKeyRing,
  seal,
  sealedUnder,
} from '../../../src/config/secrets/secret-cipher.js';

const place = { table: 'providers', row: 'openai', column: 'api_key' };
const key = generateSecretKey();

test('a secret decrypts only in its place and under its key', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const stored = seal(text, key, place);
      assert.equal(open(stored, [generateSecretKey(), key], place), text);
      assert.throws(() => open(stored, [key], { ...place, row: 'other' }), /another provider/);
      assert.throws(() => open(stored, [key], { ...place, table: 'x' }), /another provider/);
      assert.throws(() => open(stored, [generateSecretKey()], place), {
        message: `is encrypted under key ${key.id}, which is not known here`,
      });
    }),
    { numRuns: 50 },
  );
});

test('encrypting a secret twice gives different texts, which name their key', () => {
  const texts = Array.from({ length: 100 }, () => seal('sk-secret', key, place));
  assert.equal(new Set(texts).size, 100);
  for (const text of texts) {
    assert.match(text, /^enc:v1:[0-9a-f]{8}:[A-Za-z0-9+/=]+$/);
    assert.equal(sealedUnder(text), key.id);
  }
});

test('any changed byte is detected, and nothing of the secret is revealed', () => {
  const stored = seal('sk-secret', key, place);
  const start = stored.lastIndexOf(':') + 1;
  const bytes = Buffer.from(stored.slice(start), 'base64');
  for (let index = 0; index < bytes.length; index++) {
    const changed = Buffer.from(bytes);
    changed[index] = (changed[index] ?? 0) ^ 1;
    const text = stored.slice(0, start) + changed.toString('base64');
    assert.throws(() => open(text, [key], place), /^Error: is damaged, or was encrypted/);
  }
  for (const length of [0, 1, 12, 16, 27]) {
    const text = stored.slice(0, start) + bytes.subarray(0, length).toString('base64');
    assert.ok(isSealed(text));
    assert.throws(() => open(text, [key], place), /^Error: is damaged/);
  }
});

test('keys are written in base64 or hex, one or several, with comments', () => {
  const [a, b] = [generateSecretKey(), generateSecretKey()];
  const hex = b.bytes.toString('hex');
  for (const text of [
    `${formatSecretKey(a)}\n${hex}\n`,
    `# in use\n${formatSecretKey(a)} # since May\n\n${hex}`,
    `${formatSecretKey(a)},${hex},${formatSecretKey(a)}`,
  ]) {
    assert.deepEqual(
      parseKeyRing(text).map(({ id }) => id),
      [a.id, b.id],
    );
  }
  assert.throws(() => parseKeyRing('# none'), /holds no key/);
  for (const text of ['short-secret', 'a'.repeat(63), formatSecretKey(a).slice(4)]) {
    assert.throws(
      () => parseKeyRing(text),
      (error) => {
        assert.ok(error instanceof Error);
        assert.match(error.message, /32 bytes in base64 or hex/);
        assert.ok(!error.message.includes(text));
        return true;
      },
    );
  }
});
