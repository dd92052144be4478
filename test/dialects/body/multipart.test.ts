import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  boundaryOf,
  type FormField,
  FormScanner,
  isForm,
} from '../../../src/dialects/body/multipart.js';
import { GatewayError } from '../../../src/errors.js';

const boundary = '----b';
const wanted = new Set(['model']);

/** One part with these header lines. */
function part(data: string, ...headers: string[]): string {
  return `--${boundary}\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n${data}\r\n`;
}

function field(name: string, data: string): string {
  return part(data, `Content-Disposition: form-data; name="${name}"`);
}

const file = part(
  'ID3\r\n--\r\n----\r\nmodel',
  'content-disposition: form-data; name="file"; filename="a;name=model.mp3"',
  'content-type: audio/mpeg',
);
const end = `--${boundary}--\r\n`;

function scan(
  body: Buffer,
  cuts: readonly number[] = [],
  refused: ReadonlySet<string> = new Set(),
): ReadonlyMap<string, FormField> {
  const scanner = new FormScanner(boundary, wanted, refused);
  const places = [0, ...cuts, body.length];
  for (let i = 1; i < places.length; i++) scanner.push(body.subarray(places[i - 1], places[i]));
  scanner.finish();
  return scanner.fields;
}

function refusalOf(text: string): string {
  try {
    scan(Buffer.from(text, 'latin1'));
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    assert.equal(error.status, 400);
    return `${error.param ?? ''} ${error.message}`;
  }
  return 'it was accepted';
}

test('a field is found wherever it is and however the body is cut', () => {
  const forms = [
    field('model', 'whisper-é') + file + end,
    file + field('model', 'whisper-é') + end,
    `preamble\r\n${file}${field('language', 'model')}${field('model', 'whisper-é')}${end}epilogue`,
    `${part('whisper-é', 'Content-Type: text/plain', 'CONTENT-DISPOSITION:form-data;name=model')}${end}`,
  ];
  for (const form of forms) {
    const body = Buffer.from(form);
    const check = (cuts: number[]) => {
      const found = scan(body, cuts).get('model') ?? assert.fail(form);
      assert.equal(found.value, 'whisper-é');
      assert.equal(body.toString('utf8', found.start, found.end), 'whisper-é');
    };
    for (let cut = 0; cut <= body.length; cut++) check([cut]);
    const places = fc.array(fc.nat(body.length), { maxLength: 40 });
    fc.assert(fc.property(places, (cuts) => check(cuts.sort((a, b) => a - b))));
  }
  assert.equal(scan(Buffer.from(file + end)).size, 0);
  const empty = scan(Buffer.from(field('model', '') + end)).get('model') ?? assert.fail();
  assert.deepEqual([empty.value, empty.end - empty.start], ['', 0]);
});

test('a body that two readers could read in different ways is refused', () => {
  const disposition = 'content-disposition: form-data; name="model"';
  const cases: [form: string, refusal: RegExp][] = [
    [field('model', 'a') + field('model', 'b') + end, /^model model must not be given twice/],
    [field('Model', 'a') + end, /^model model must be a plain text field/],
    [field('mod%65l', 'a') + end, /^model model must be a plain/],
    [field('mo\\del', 'a') + end, /^model model must be a plain/],
    [field('model[]', 'a') + end, /^model model must be a plain/],
    [field('Model[0][x]', 'a') + end, /^model model must be a plain/],
    [field(' model', 'a') + end, /^model model must be a plain/],
    [part('a', `${disposition}; filename="x"`) + end, /^model model must be a plain/],
    [
      part('a', disposition, 'content-transfer-encoding: base64') + end,
      /^model model must be a plain/,
    ],
    [field('model', 'a'.repeat(4_097)) + end, /^model model is longer than 4096 bytes/],
    [part('a', "content-disposition: form-data; name*=utf-8''model") + end, /not one name/],
    [part('a', `${disposition}; name="x"`) + end, /not one name/],
    [part('a', 'content-disposition: form-data') + end, /not one name/],
    [part('a', disposition, disposition) + end, /no content-disposition of its own/],
    [part('a', 'x: y') + end, /no content-disposition/],
    [part('a', 'content-disposition: attachment; name="model"') + end, /not form-data/],
    [
      part('a', 'content-disposition: form-data; name="model') + end,
      /content-disposition of a part/,
    ],
    [part('a', 'content-disposition: form-data;', ' name="model"') + end, /headers of a part/],
    [part('a', 'x: y\ncontent-disposition: form-data; name="model"') + end, /headers of a part/],
    [part('a', `x: ${'y'.repeat(16_400)}`) + end, /headers of a part are too long/],
    [field('file', `x\n--${boundary}\r\n`) + end, /no line of its own/],
    [`--${boundary}\r\n${disposition}\r\n\r\n--${boundary}--\r\n`, /no line of its own/],
    [`${file}--${boundary}x\r\n`, /boundary is not its own/],
    [`${file}--${boundary}-x\r\n`, /boundary is not its own/],
    [`${file}--${boundary}${' '.repeat(16_400)}`, /boundary is too long/],
    [file, /does not end with its boundary/],
    [file.slice(0, 30), /does not end/],
    ['', /does not end/],
    ['{"model":"a"}', /does not end/],
  ];
  for (const [form, refusal] of cases) assert.match(refusalOf(form), refusal, form.slice(0, 200));
});

test('a field that could name other models is refused, wherever it is and however it is written', () => {
  const refused = new Set(['models', 'fallbacks']);
  const named = field('model', 'a');
  for (const name of ['models', 'models[]', 'MODELS[0]', 'mod%65ls', 'fallbacks', '"models']) {
    const other = field(name.replace('"', '\\"'), 'b');
    for (const form of [other + named + end, named + file + other + end]) {
      const error = { code: 'model_not_allowed', status: 403 };
      assert.throws(() => scan(Buffer.from(form), [], refused), error, name);
      assert.equal(scan(Buffer.from(form)).get('model')?.value, 'a', name);
    }
  }
  for (const name of ['model_s', 'timestamp_granularities[]', '[models]']) {
    assert.equal(scan(Buffer.from(field(name, 'b') + named + end), [], refused).size, 1, name);
  }
});

test('only forms are read as forms, and no input crashes the reader', () => {
  const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array));
  const mixed = fc.array(
    fc.oneof(bytes, fc.constantFrom(file, end, field('model', 'a'), '\r\n', `--${boundary}`)),
  );
  fc.assert(
    fc.property(mixed, fc.nat(200), (pieces, cut) => {
      const body = Buffer.concat(pieces.map((piece) => Buffer.from(piece)));
      const read = (cuts: number[]) => {
        try {
          return [...scan(body, cuts)];
        } catch (error) {
          assert.ok(error instanceof GatewayError, String(error));
          return null;
        }
      };
      assert.deepEqual(read([Math.min(cut, body.length)]), read([]));
    }),
  );
});

test('a content-type names its boundary', () => {
  assert.equal(isForm('multipart/form-data; boundary=a'), true);
  assert.equal(isForm('Multipart/Form-Data'), true);
  assert.equal(isForm('multipart/form-database'), false);
  assert.equal(isForm('application/json'), false);
  assert.equal(boundaryOf('multipart/form-data; boundary=----a.b_c'), '----a.b_c');
  assert.equal(boundaryOf('multipart/form-data; charset=x; Boundary="a b"'), 'a b');
  assert.equal(boundaryOf(' multipart/form-data ;boundary = a; '), 'a');
  assert.equal(boundaryOf('multipart/form-data; x="; boundary=b"; boundary=a'), 'a');
  for (const type of [
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary="a "',
    'multipart/form-data; boundary=a; boundary=b',
    "multipart/form-data; boundary=a; boundary*=utf-8''b",
    'multipart/form-data; boundary=a; boundary*0=b',
    'multipart/form-data; boundary=a; boundary = b',
    'multipart/form-data, text/plain; boundary=a',
    'multipart/form-data; x="; boundary=a',
    'multipart/form-data; boundary=a; x',
    `multipart/form-data; boundary=${'a'.repeat(71)}`,
    'multipart/form-data; boundary="a\u00e9"',
  ]) {
    assert.throws(() => boundaryOf(type), { param: 'content-type', status: 400 }, type);
  }
  assert.equal(boundaryOf(`multipart/form-data; boundary=${'a'.repeat(70)}`).length, 70);
});
