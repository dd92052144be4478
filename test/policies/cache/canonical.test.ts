import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalMembers, canonicalText } from '../../../src/policies/cache/canonical.js';

function canonical(text: string): string | null {
  const members = canonicalMembers(Buffer.from(text).toString('latin1'));
  return members && Buffer.from(canonicalText(members, new Set()), 'latin1').toString();
}

/** The same value with the members of its objects in another order, and more white space. */
function rewritten(value: unknown): string {
  if (Array.isArray(value)) return `[ ${value.map(rewritten).join(' ,\n')} ]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value).reverse();
  return `{\t${members.map(([name, each]) => `${JSON.stringify(name)} : ${rewritten(each)}`).join(' , ')}\r\n}`;
}

test('bodies that differ in white space and in the order of members are written alike', () => {
  const text = '{"b":[1, {"y":"a b","x":null}],\n"a" : true}';
  assert.equal(canonical(text), '{"a":true,"b":[1,{"x":null,"y":"a b"}]}');
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()), (value) => {
      const text = canonical(JSON.stringify(value));
      assert.equal(text, canonical(rewritten(value)));
      assert.deepEqual(JSON.parse(text ?? ''), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('no two bodies of other values are written alike', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue()),
      fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue()),
      (one, other) => {
        const [a, b] = [one, other].map((value) => canonical(JSON.stringify(value)));
        if (a === b) assert.deepEqual(JSON.parse(a ?? ''), JSON.parse(b ?? '!'));
      },
    ),
  );
});

test('numbers stay as they are written: what JavaScript takes for one number may be two', () => {
  const seeds = ['9007199254740993', '9007199254740992', '1', '1.0', '1e0', '-0', '0'];
  const written = seeds.map((seed) => canonical(`{"seed":${seed}}`));
  assert.equal(new Set(written).size, seeds.length);
});

test('a member that occurs twice is ambiguous', () => {
  for (const text of [
    '{"temperature":0,"temperature":1}',
    '{"temperature":0,"\\u0074emperature":1}',
    '{"a":{"b":1,"b":1}}',
    '{"a":[{"b":1,"c":2,"b":1}]}',
    '{"é":1,"\\u00e9":2}',
  ]) {
    assert.equal(canonical(text), null, text);
  }
  assert.equal(canonical('{"a":{"b":1},"b":2}'), '{"a":{"b":1},"b":2}');
});

test('quotes and backslashes in strings end nothing', () => {
  const text = String.raw`{"a":"\\","b":"\\\" , ","c\"":"{"}`;
  assert.equal(canonical(text), text);
});

test('invalid JSON is reported, and JSON that is too deep is not read', () => {
  for (const text of ['{"a":"x', '{"a":[1,', '{"a":', '{"a', '{', '{"a":}']) {
    assert.throws(() => canonical(text), SyntaxError, text);
  }
  assert.equal(canonical(`{"a":${'['.repeat(300)}${']'.repeat(300)}}`), null);
  assert.equal(canonical(`{"a":${'{"b":'.repeat(300)}1${'}'.repeat(300)}}`), null);
  const deep = `{"a":${'['.repeat(200)}${']'.repeat(200)}}`;
  assert.equal(canonical(deep), deep);
  const wide = `{"a":[${Array.from({ length: 400 }, () => '[],{}').join()}]}`;
  assert.equal(canonical(wide), wide);
});
