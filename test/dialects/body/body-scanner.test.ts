import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  BodyScanner,
  JsonSyntaxError,
  type Span,
} from '../../../src/dialects/body/body-scanner.js';
import { cuts, objectText, pieces } from '../../proxy/json-for-test.js';

const wanted = new Set(['model', 'stream']);

function scan(chunks: Iterable<Buffer>): ReadonlyMap<string, readonly Span[]> {
  const scanner = new BodyScanner(wanted);
  for (const chunk of chunks) scanner.push(chunk);
  return scanner.finish();
}

function scanText(text: string): ReadonlyMap<string, readonly Span[]> {
  return scan([Buffer.from(text)]);
}

/** One byte at a time: every place where a body can be cut, at once. */
function scanBytes(text: string): ReadonlyMap<string, readonly Span[]> {
  return scan([...Buffer.from(text)].map((byte) => Buffer.from([byte])));
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function isAccepted(text: string): boolean {
  try {
    scanText(text);
    return true;
  } catch (error) {
    assert.ok(error instanceof JsonSyntaxError);
    assert.match(error.message, / at byte \d+$/);
    return false;
  }
}

test('finds the values of wanted keys in any object, whatever the pieces', () => {
  fc.assert(
    fc.property(objectText(), cuts, ({ text, members }, places) => {
      assert.ok(isObject(text));
      const bytes = Buffer.from(text);
      const expected = new Map<string, Span[]>();
      for (const { key, start, end } of members) {
        if (!wanted.has(key)) continue;
        const spans = expected.get(key) ?? [];
        const startByte = Buffer.byteLength(text.slice(0, start));
        spans.push({
          start: startByte,
          end: startByte + Buffer.byteLength(text.slice(start, end)),
        });
        expected.set(key, spans);
      }
      assert.deepEqual(scan(pieces(bytes, places)), expected);
      assert.deepEqual(scanBytes(text), expected);
    }),
    { numRuns: 300 },
  );
});

test('accepts exactly the objects that JSON.parse accepts', () => {
  const unit = fc.constantFrom(
    ...['{', '}', '[', ']', ',', ':', '"', '"a"', '"model"', '1', '-', '0', '.', 'e', 'E', '+'],
    ...['true', 'nul', 'null', ' ', 'x', '{"a":', '}'],
  );
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      assert.equal(isAccepted(text), isObject(text), text);
      assert.equal(isAccepted(`{"a":${text}}`), isObject(`{"a":${text}}`), text);
      assert.equal(isAccepted(`{"a":[${text}]}`), isObject(`{"a":[${text}]}`), text);
    }),
    { numRuns: 3_000 },
  );
});

test('refuses every truncation of a body, and whatever follows one', () => {
  fc.assert(
    fc.property(objectText(), fc.nat(), ({ text }, place) => {
      const whole = text.trim();
      const bytes = Buffer.from(whole);
      const cut = bytes.subarray(0, place % bytes.length);
      assert.throws(() => scan([cut]), JsonSyntaxError);
      assert.throws(() => scanText(`${whole}x`), JsonSyntaxError);
      assert.throws(() => scanText(whole + whole), JsonSyntaxError);
      assert.throws(() => scanText(`[${whole}]`), JsonSyntaxError);
    }),
  );
});

test('reports the reason and byte of an invalid body, however it is split', () => {
  const cases: [string, string][] = [
    ['', 'unexpected end at byte 0'],
    ['   ', 'unexpected end at byte 3'],
    ['{', 'unexpected end at byte 1'],
    ['{"a":1,}', 'expected a key in quotes at byte 7'],
    ['{"a":[1,]}', 'unexpected text at byte 8'],
    ['{"a":1}{"b":2}', 'unexpected text after the object at byte 7'],
    ['{"a":1 "b":2}', 'expected "," or "}" at byte 7'],
    ['{"a" 1}', 'expected ":" at byte 5'],
    ['{"a":[1}', 'expected "," or "]" at byte 7'],
    ['{"ä":01}', 'unexpected text at byte 6'],
    ['{"a":trueish}', 'unexpected text at byte 5'],
    ['{"a":\u00a01}', 'unexpected text at byte 5'],
    ['\ufeff{}', 'expected an object at byte 0'],
    ['[1]', 'expected an object at byte 0'],
    ['null', 'expected an object at byte 0'],
    ['"text"', 'expected an object at byte 0'],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => scanText(text), { name: 'JsonSyntaxError', message });
    assert.throws(() => scanBytes(text), { name: 'JsonSyntaxError', message });
  }
});

test('takes 256 levels and refuses the 257th', () => {
  const nested = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
  scanText(nested(256));
  assert.throws(() => scanText(nested(257)), /nested more than 256 deep at byte 260/);
  assert.throws(() => scanText('{"a":'.repeat(100_000)), /nested more than 256 deep/);
});

test('strings are passed over wherever their quotes and escapes are, around the native search', () => {
  for (let length = 28; length < 40; length++) {
    for (const end of ['', '\\"', '\\\\', '\\\\\\"', '\\u0022']) {
      const text = `{"a":"${'x'.repeat(length)}${end}","model":"m"}`;
      const start = Buffer.byteLength(text) - 4;
      const expected = new Map([['model', [{ start, end: start + 3 }]]]);
      assert.deepEqual(scanText(text), expected);
      assert.deepEqual(scanBytes(text), expected);
    }
  }
});

test('examines each byte of any body a bounded number of times', (t) => {
  const size = 1_000_000;
  const fill = (unit: string) => unit.repeat(Math.ceil(size / unit.length));
  const long = 'x'.repeat(40);
  const bodies = {
    'long strings without an escape': `{"a":[${fill(`"${long}",`)}1]}`,
    'long strings with an escape': `{"a":[${fill(`"${long}\\n${long}",`)}1]}`,
    'escaped quotes': `{"a":"${fill('\\"')}"}`,
    'escaped quotes far apart': `{"a":"${fill(`${long}\\"`)}"}`,
    backslashes: `{"a":"${fill('\\\\')}"}`,
    'a long key': `{"${fill('k')}":1}`,
    'a long number': `{"a":${fill('1')}}`,
    brackets: `{"a":[${fill('[],')}1]}`,
  };
  // A quadratic scan looks at a byte hundreds of times; native searches are counted by length.
  let looked = 0;
  const native = Buffer.prototype.indexOf;
  t.mock.method(Buffer.prototype, 'indexOf', function (this: Buffer, byte: number, from: number) {
    const found = native.call(this, byte, from);
    looked += (found < 0 ? this.length : found) - from + 1;
    return found;
  });
  for (const [name, text] of Object.entries(bodies)) {
    looked = 0;
    scanText(text);
    assert.ok(looked < 4 * size, `${name}: ${looked} bytes for ${size}`);
  }
});

test('refuses a wanted key that occurs often enough to cost much memory', () => {
  const repeated = (n: number) => `{${Array(n).fill('"model":"a"').join(',')}}`;
  assert.equal(scanText(repeated(16)).get('model')?.length, 16);
  assert.throws(() => scanText(repeated(17)), /"model" occurs more than 16 times at byte \d+/);
});

test('refuses a key that a provider may take for a wanted one', () => {
  const spellings = [
    'Model',
    'MODEL',
    'moDel',
    '\\u004dodel',
    'Stream',
    '\u017ftream',
    '\\u017fTREAM',
  ];
  for (const key of spellings) {
    for (const text of [
      `{"${key}":"b"}`,
      `{"model":"a","${key}":"b"}`,
      `{"${key}":1,"model":"a"}`,
    ]) {
      for (const scanned of [scanText, scanBytes]) {
        assert.throws(() => scanned(text), {
          code: 'invalid_request',
          param: key.toLowerCase().endsWith('l') ? 'model' : 'stream',
        });
      }
    }
  }
  assert.throws(
    () => scanText('{"Model":"b"}'),
    /^GatewayError: "Model" must be written "model"\.$/,
  );
  const tricky = new BodyScanner(new Set(['key']));
  assert.throws(() => tricky.push(Buffer.from('{"\u212aey":1}')), { param: 'key' });
  const other = ['models', 'mode', 'remodel', 'model ', 'mo_del', 'strea', 'user', 'ModelName'];
  for (const key of other) assert.equal(scanText(`{"${key}":"b"}`).size, 0, key);
  assert.equal(scanText('{"messages":[{"Model":"b"}],"model":"a"}').size, 1);
});
