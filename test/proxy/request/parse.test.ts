import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { settingsSchema } from '../../../src/config/settings/settings-schema.js';
import type { Settings } from '../../../src/config/settings/settings-types.js';
import type { Dialect } from '../../../src/dialects/dialect.js';
import { bodyFor, type ModelRequest } from '../../../src/dialects/head.js';
import { chat, moderations } from '../../../src/dialects/openai/dialects.js';
import { GatewayError } from '../../../src/errors.js';
import { parse } from '../../../src/proxy/request/parse.js';
import { Watchdog } from '../../../src/proxy/watchdog.js';
import type { Exchange } from '../../../src/server/exchange.js';
import { cuts, jsonValue, objectText, pieces } from '../json-for-test.js';

const { server: schema } = settingsSchema.properties;
/** The settings used by `parse`, at their defaults. */
const server = {
  max_body_bytes: schema.properties.max_body_bytes.default,
  body_timeout_ms: schema.properties.body_timeout_ms.default,
} as Settings['server'];
const watchdog = new Watchdog();

const booleans = fc.constantFrom('true', 'false');
const names = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .map((name) => JSON.stringify(name));
const requests = objectText((key) => {
  if (key === 'model') return names;
  return key === 'stream' ? booleans : jsonValue;
});

test('a model replaced in the bytes is the model replaced in the object, and no other byte', async () => {
  await fc.assert(
    fc.asyncProperty(requests, cuts, fc.string({ unit: 'binary' }), async (body, places, to) => {
      fc.pre(body.members.some(({ key }) => key === 'model'));
      const { text } = body;
      const request = await parseBody(pieces(Buffer.from(text), places));
      const parsed = JSON.parse(text);
      assert.equal(request.model, parsed.model);
      assert.equal(request.stream, parsed.stream ?? false);
      assert.equal(request.body.toString(), text);

      fc.pre(to !== parsed.model);
      const changed = bodyFor(request, to, false).toString();
      assert.deepEqual(JSON.parse(changed), { ...parsed, model: to });
      let expected = '';
      let from = 0;
      for (const { key, start, end } of body.members) {
        if (key !== 'model') continue;
        expected += text.slice(from, start) + JSON.stringify(to);
        from = end;
      }
      assert.equal(changed, expected + text.slice(from));
    }),
    { numRuns: 300 },
  );
});

test('a request that names no model is sent with the default one that the key was checked for', async () => {
  const model = 'omni-moderation-latest';
  for (const [text, expected] of [
    ['{"input":"a"}', `{"model":"${model}","input":"a"}`],
    [' { "input" : 1.0}', ` {"model":"${model}", "input" : 1.0}`],
    ['{ }', `{"model":"${model}" }`],
    ['{"model":null,"input":1}', `{"model":"${model}","input":1}`],
    [`{"model":"${model}"}`, `{"model":"${model}"}`],
  ] as const) {
    const request = await parseBody([Buffer.from(text)], moderations);
    assert.equal(request.model, model);
    assert.equal(bodyFor(request, model, false).toString(), expected);
  }
  for (const text of ['{"input":1}', '{"model":null}']) {
    await assert.rejects(parseBody([Buffer.from(text)]), { param: 'model' });
  }
});

test('numbers keep the form that the client gave them', async () => {
  const text = '{"seed":12345678901234567890,"temperature":1.0,"model":"a","top_p":1e-0}';
  const request = await parseBody([Buffer.from(text)]);
  assert.equal(bodyFor(request, 'b', false).toString(), text.replace('"a"', '"b"'));
});

test('a key that occurs twice counts where it is last, and is replaced everywhere', async () => {
  const request = await parseBody([Buffer.from('{"model":"a","mod\\u0065l":"b"}')]);
  assert.equal(request.model, 'b');
  assert.equal(bodyFor(request, 'c', false).toString(), '{"model":"c","mod\\u0065l":"c"}');
});

test('a model that keeps its name leaves the body unchanged, unless it is given twice', async () => {
  const once = await parseBody([Buffer.from('{ "model":"\\u0061"}')]);
  assert.equal(bodyFor(once, 'a', false), once.body);
  // A provider may read the first, which the key may not be allowed to use.
  const twice = await parseBody([Buffer.from('{"model":"x","model":"a"}')]);
  assert.equal(bodyFor(twice, 'a', false).toString(), '{"model":"a","model":"a"}');
});

test('a stream is asked for its usage, where the client did not ask, and nothing else changes', async () => {
  const asks: [string, string][] = [
    [
      '{"stream":true,"model":"a"}',
      '{"stream_options":{"include_usage":true},"stream":true,"model":"b"}',
    ],
    [
      '{"model":"a","stream":true,"stream_options":null}',
      '{"model":"b","stream":true,"stream_options":{"include_usage":true}}',
    ],
    [
      '{"stream_options":{"include_usage":false,"x":1},"model":"a","stream":true}',
      '{"stream_options":{"include_usage":true,"x":1},"model":"b","stream":true}',
    ],
    [
      '{"model":"a","stream":true,"stream_options":{"include_usage":true}}',
      '{"model":"b","stream":true,"stream_options":{"include_usage":true}}',
    ],
    ['{"model":"a","stream":false}', '{"model":"b","stream":false}'],
    ['{"model":"a"}', '{"model":"b"}'],
  ];
  for (const [sent, expected] of asks) {
    const request = await parseBody([Buffer.from(sent)]);
    assert.equal(bodyFor(request, 'b', true).toString(), expected);
  }
});

test('a stream of null is no stream, as the API has it', async () => {
  const request = await parseBody([Buffer.from('{"model":"a","stream":null}')]);
  assert.equal(request.stream, false);
});

test('a key of a nested object is not the request’s', async () => {
  const text = '{"metadata":{"model":"x","stream":true},"model":"a"}';
  const request = await parseBody([Buffer.from(text)]);
  assert.equal(request.model, 'a');
  assert.equal(request.stream, false);
});

const refused: [string, string, string | null][] = [
  ['{"messages":[]}', 'invalid_request', 'model'],
  ['{"model":null}', 'invalid_request', 'model'],
  ['{"model":""}', 'invalid_request', 'model'],
  ['{"model":["a"]}', 'invalid_request', 'model'],
  [`{"model":"${'a'.repeat(1_025)}"}`, 'invalid_request', 'model'],
  ['{"model":"a","stream":"yes"}', 'invalid_request', 'stream'],
  ['{"model":"\\x"}', 'invalid_json', null],
  ['{"model":"a"', 'invalid_json', null],
  ['[]', 'invalid_json', null],
  ['', 'invalid_json', null],
];
for (const [text, code, param] of refused) {
  test(`refuses ${text.slice(0, 40) || 'an empty body'} as ${code}`, async () => {
    await assert.rejects(parseBody([Buffer.from(text)]), (error) => {
      assert.ok(error instanceof GatewayError);
      assert.equal(error.code, code);
      assert.equal(error.param, param);
      return true;
    });
  });
}

test('a huge value in place of a small one is refused without parsing', async () => {
  const huge = `[${'1,'.repeat(50_000)}1]`;
  for (const [name, body] of [
    ['model', `{"model":${huge}}`],
    ['stream', `{"model":"m","stream":${huge}}`],
    ['stream_options', `{"model":"m","stream":true,"stream_options":{"a":${huge}}}`],
  ] as const) {
    await assert.rejects(parseBody([Buffer.from(body)]), {
      code: 'invalid_request',
      param: name,
      message: /longer than/,
    });
  }
});

test('a syntax error rejects the request and never reaches the engine', async () => {
  const given: string[] = [];
  const exchange = exchangeOf(async (onChunk) => {
    for (const piece of ['{"model"', '}', ',"b":1}']) {
      onChunk?.(Buffer.from(piece));
      given.push(piece);
    }
    return Buffer.from(given.join(''));
  });
  await assert.rejects(async () => parse(exchange, chat, server, watchdog), {
    code: 'invalid_json',
  });
  assert.equal(given.length, 3);
});

test('refuses a body in an encoding, naming it', async () => {
  const exchange = exchangeOf(async () => Buffer.alloc(0), 'gzip');
  await assert.rejects(async () => parse(exchange, chat, server, watchdog), {
    code: 'unsupported_encoding',
    message: /gzip/,
  });
});

test('a body that is not larger than allowed is taken at once where it has arrived', () => {
  const asked: number[] = [];
  const takeBody = (maxBytes: number) => {
    asked.push(maxBytes);
    return Buffer.from('{"model":"m"}');
  };
  const exchange = { header: () => '', takeBody } as Partial<Exchange> as Exchange;
  const request = parse(exchange, chat, server, watchdog);
  assert.ok(!(request instanceof Promise));
  assert.equal(request.model, 'm');
  assert.deepEqual(asked, [server.max_body_bytes]);
});

/** Reads the body as it arrives, and at once: both must have the same outcome. */
async function parseBody(
  chunks: readonly Buffer[],
  dialect: Dialect = chat,
): Promise<ModelRequest> {
  const give: Give = async (onChunk) => {
    for (const chunk of chunks) onChunk?.(chunk);
    return Buffer.concat(chunks);
  };
  const outcomeOf = async (exchange: Exchange) => {
    try {
      return await parse(exchange, dialect, server, watchdog);
    } catch (error) {
      assert.ok(error instanceof GatewayError);
      return error;
    }
  };
  const outcome = await outcomeOf(exchangeOf(give));
  const atOnce = await outcomeOf(exchangeOf(give, '', Buffer.concat(chunks)));
  assert.deepEqual(atOnce, outcome);
  if (outcome instanceof GatewayError) throw outcome;
  return outcome;
}

type Give = (onChunk?: (chunk: Buffer) => void) => Promise<Buffer>;

/** The part of an exchange that `parse` uses. */
function exchangeOf(give: Give, encoding = '', arrived: Buffer | null = null): Exchange {
  const readBody: Exchange['readBody'] = (_maxBytes, onChunk) => give(onChunk);
  const takeBody = () => arrived;
  return { header: () => encoding, readBody, takeBody } as Partial<Exchange> as Exchange;
}
