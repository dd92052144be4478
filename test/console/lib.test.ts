import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffLines, folded } from '../../src/console/lib/diff.js';
import { compact, duration, money, percent } from '../../src/console/lib/format.js';
import { complete, type Schema } from '../../src/console/lib/schema.js';

test('numbers are short, and keep what tells them apart', () => {
  assert.deepEqual([0, 9_999, 10_000, 12_345, 999_499, 999_500, 1_230_000_000].map(compact), [
    ...['0', '9,999', '10.0k', '12.3k', '999k', '1.00M', '1.23G'],
  ]);
  assert.deepEqual([null, 0, 3.21, 218.4, 1_420, 59_900, 180_000].map(duration), [
    ...['–', '0 ms', '3.2 ms', '218 ms', '1.42 s', '59.9 s', '3 min'],
  ]);
  assert.deepEqual([0, 0.0004, 0.123, 1, Number.NaN].map(percent), [
    ...['0 %', '0.04 %', '12.3 %', '100 %', '–'],
  ]);
  assert.deepEqual([0, 0.000453, 0.042, 1_204.306].map(money), [
    ...['$0.00', '$0.000453', '$0.042', '$1,204.31'],
  ]);
});

test('a diff has every line of both texts, and as few changes as possible', () => {
  const lines = diffLines('a\nb\nc\nd', 'a\nc\nx\nd');
  assert.deepEqual(
    lines.map(({ kind, text }) => `${kind} ${text}`),
    ['same a', 'remove b', 'same c', 'add x', 'same d'],
  );
  assert.deepEqual(folded(diffLines('a\nb', 'a\nb')), []);
  const long = Array.from({ length: 20 }, (_, line) => `line ${line}`);
  const changed = long.map((line, index) => (index === 10 ? 'other' : line));
  const shown = folded(diffLines(long.join('\n'), changed.join('\n')), 1);
  assert.deepEqual(
    shown.map((line) => line?.text ?? null),
    ['line 9', 'line 10', 'other', 'line 11', null],
  );
});

const schema: Schema = {
  properties: {
    providers: {
      additionalProperties: {
        properties: {
          weight: { description: 'Share' },
          provider_type: { enum: ['openai', 'azure'] },
          is_enabled: { type: 'boolean' },
        },
      },
    },
  },
};
const offered = (text: string) =>
  complete(schema, text, text.length).completions.map((each) => each.text);

test('completion follows the indentation, and offers the values of a field', () => {
  assert.deepEqual(offered('prov'), ['providers']);
  assert.deepEqual(offered('providers:\n  main:\n    we'), ['weight']);
  assert.deepEqual(offered('providers:\n  "a b":\n    weight: 1\n    '), [
    ...['weight', 'provider_type', 'is_enabled'],
  ]);
  assert.deepEqual(offered('providers:\n  main:\n    provider_type: a'), ['azure']);
  assert.deepEqual(offered('providers:\n  main:\n    is_enabled: '), ['true', 'false']);
  assert.deepEqual(offered('providers:\n  ma'), []);
  assert.deepEqual(offered('providers:\n  main: # we'), []);
});
