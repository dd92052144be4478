import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { get_encoding } from 'tiktoken';
import { cutLongRuns, maxRunCharacters } from '../../../src/observe/tokenizer/cut-long-runs.js';
import { maxEncodedCharacters, textCounter } from '../../../src/observe/tokenizer/encode.js';

const encodings = ['cl100k_base', 'o200k_base'] as const;

for (const encoding of encodings) {
  test(`a text without very long words counts as ${encoding} says`, () => {
    const encoder = get_encoding(encoding);
    const words = fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 60 });
    fc.assert(
      fc.property(words, (list) => {
        const text = list.join(' ');
        const pieces = cutLongRuns(text);
        fc.pre(pieces.length === 1);
        assert.equal(textCounter(encoding)(text), encoder.encode_ordinary(text).length);
      }),
    );
    encoder.free();
  });

  test(`names of special tokens are ordinary text in ${encoding}`, () => {
    assert.ok(textCounter(encoding)('<|endoftext|><|im_start|>') > 2);
  });
}

test('cutting a text loses nothing and leaves no run that is too long', () => {
  const runs = fc
    .tuple(fc.constantFrom('a', 'é', '天', '😀', '-', ' ', '\n', '1', '́'), fc.nat(700))
    .map(([character, count]) => character.repeat(count));
  fc.assert(
    fc.property(fc.array(runs, { maxLength: 8 }), (parts) => {
      const text = parts.join('');
      const pieces = cutLongRuns(text);
      assert.equal(pieces.join(''), text);
      for (const piece of pieces) {
        assert.doesNotMatch(piece, new RegExp(`\\p{L}{${maxRunCharacters + 1}}`, 'u'));
        assert.doesNotMatch(piece, new RegExp(`\\s{${maxRunCharacters + 1}}`));
        assert.doesNotMatch(piece, /^[\udc00-\udfff]/);
      }
    }),
  );
});

test('a text of one repeated letter, which is slow to encode, counts nearly exactly', () => {
  const encoder = get_encoding('o200k_base');
  const text = 'a'.repeat(3_000);
  const exact = encoder.encode_ordinary(text).length;
  encoder.free();
  const counted = textCounter('o200k_base')(text);
  assert.ok(Math.abs(counted - exact) <= 3_000 / maxRunCharacters + 1, `${counted}, ${exact}`);
});

test('text past the cap of a request is estimated by its bytes', () => {
  const count = textCounter('o200k_base');
  const words = 'word '.repeat(maxEncodedCharacters / 5);
  const whole = count(words);
  assert.ok(whole >= maxEncodedCharacters / 5);
  assert.equal(count('x'.repeat(400)), 100);
});
