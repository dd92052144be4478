import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bodyText } from '../../../src/observe/usage/body-text.js';

test('any bytes become text that the database accepts', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(9), (bytes, missing) => {
      const text = bodyText({ bytes, totalBytes: bytes.length + missing });
      assert.equal(Buffer.from(text).toString(), text, 'well-formed');
      assert.ok(!text.includes('\0'));
      assert.equal(/…\[\d+ of \d+ bytes\]$/.test(text), missing > 0);
    }),
  );
});

test('text is stored unchanged, also with a byte order mark', () => {
  const text = fc.string({ unit: 'binary' }).filter((each) => !each.includes('\0'));
  fc.assert(
    fc.property(text, (each) => {
      const bytes = Buffer.from(`\ufeff${each}`);
      assert.equal(bodyText({ bytes, totalBytes: bytes.length }), `\ufeff${each}`);
    }),
  );
});

test('a split character is dropped', () => {
  const bytes = Buffer.from('aä').subarray(0, 2);
  assert.equal(bodyText({ bytes, totalBytes: 3 }), 'a…[2 of 3 bytes]');
  assert.equal(bodyText({ bytes, totalBytes: 2 }), 'a\ufffd');
});
