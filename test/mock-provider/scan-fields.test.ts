import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { scanFields } from '../../src/mock-provider/scan-fields.js';

test('finds the members of every JSON object as JSON.parse does', () => {
  const anyObject = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true });
  fc.assert(
    fc.property(anyObject, fc.constantFrom(0, 2), (object, indent) => {
      const fields = scanFields(Buffer.from(JSON.stringify(object, null, indent)));
      // Names with escapes and the empty object are left to JSON.parse.
      if (fields !== null) {
        const parsed = [...fields].map(([name, value]) => [name, JSON.parse(value.toString())]);
        assert.deepEqual(Object.fromEntries(parsed), JSON.parse(JSON.stringify(object)));
      } else {
        const names = Object.keys(object).map((name) => JSON.stringify(name));
        assert.ok(names.length === 0 || names.some((name) => name.includes('\\')));
      }
    }),
  );
});

test('leaves truncated JSON and non-objects to JSON.parse', () => {
  for (const text of ['', '[1]', '{"a":1', '{"a":"b', '{"a" 1}', '{"a":1}x', '{"a":1,}']) {
    assert.equal(scanFields(Buffer.from(text)), null, text);
  }
});
