import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { writeYaml } from '../../../src/config/yaml/write-yaml.js';
import { readPlacedYaml } from '../../../src/config/yaml/yaml-places.js';
import { invisible } from '../../../src/observe/visible.js';

const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('yes', 'null', '~', '1e5', '0x1', '-', '- a', 'a: b', 'a:', 'a #b', 'a#b', '# a'),
  fc.constantFrom(
    '"',
    "'",
    '|',
    '>',
    '!a',
    '&a',
    '*a',
    '%a',
    '@a',
    '`a',
    '[',
    '{',
    '?',
    '2024-01-01',
  ),
  fc.constantFrom('<<', '=', '.inf', 'Off', 'N', '0o7', '1_0', '1:20', 'e'.repeat(64), 'a '),
  fc.constantFrom('1'.repeat(64), `1${'0'.repeat(31)}e${'0'.repeat(31)}`, 'a\u0085b', '\u202ea'),
);
const values = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    texts,
    fc.constantFrom(null, true, 0, -5, 1.5),
    fc.array(tie('node'), { maxLength: 4 }),
    fc.dictionary(texts, tie('node'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).node;

test('written YAML is read back unchanged, by us and by another library', () => {
  fc.assert(
    fc.property(values, (value) => {
      const text = writeYaml({ value });
      assert.deepEqual(readPlacedYaml('x', text).value, JSON.parse(JSON.stringify({ value })));
      // The other one does not know the halves of surrogate pairs, nor a key that is "<<".
      if (/\\ud[89a-f]|<</i.test(text)) return;
      assert.deepEqual(parse(text, { version: '1.2' }), JSON.parse(JSON.stringify({ value })));
    }),
    { numRuns: 500 },
  );
});

test('invisible characters are never written', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const written = writeYaml({ [text]: [text] });
      assert.deepEqual(written.replaceAll('\n', '').match(invisible), null);
    }),
    { numRuns: 500 },
  );
  assert.equal(writeYaml('a\u009b\u202e\u200b\u{e0041}'), '"a\\u009b\\u202e\\u200b\\U000e0041"\n');
  assert.equal(writeYaml('\u{1d173}\ufff9'), '"\\U0001d173\\ufff9"\n');
});

test('plain words, URLs, references and hashes stay plain', () => {
  const plain = [
    'gpt-4o',
    'https://api.openai.com/v1',
    'env:NAME',
    'file:/run/x',
    'a b',
    'sk-…abcd',
  ];
  for (const text of [...plain, '0f'.repeat(32)]) assert.equal(writeYaml([text]), `- ${text}\n`);
  assert.equal(writeYaml({ a: [], b: {}, c: [[1]] }), 'a: []\nb: {}\nc:\n  -\n    - 1\n');
});
