import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventStreamSplitter, writeFrame } from '../../src/dialects/bedrock/event-stream.js';
import type { Codec } from '../../src/dialects/codec.js';
import { codecs } from '../../src/dialects/codecs.js';
import { cohereChatCodec } from '../../src/dialects/cohere/chat-codec.js';
import { isObject, WrongField } from '../../src/dialects/conversation/read.js';
import { emptyRequest, textBlock } from '../../src/dialects/conversation.js';
import { SseSplitter } from '../../src/dialects/sse.js';
import { Translator } from '../../src/dialects/translate/translator.js';
import { answers, requests, target } from './arbitraries.js';
import { asEvents, writeStream } from './streams.js';
import { subsets } from './subsets.js';

const place = { model: 'claude-x', stream: false };
const all = Object.values(codecs);

/** Something else at one place of a body. */
const wrong = fc.record({
  steps: fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 7 }),
  value: fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom('constructor', '__proto__', '%E0', { $ref: '#/%E0' }, { $ref: '#' }),
  ),
  remove: fc.boolean(),
});

type Wrong = typeof wrong extends fc.Arbitrary<infer T> ? T : never;

function spoil(value: unknown, { steps, value: other, remove }: Wrong): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return other;
  if (Array.isArray(value) && value.length > 0) {
    const at = step % value.length;
    const spoilt = value.map((item, i) =>
      i === at ? spoil(item, { steps: rest, value: other, remove }) : item,
    );
    return remove && rest.length === 0 ? spoilt.toSpliced(at, 1) : spoilt;
  }
  if (isObject(value) && Object.keys(value).length > 0) {
    const keys = Object.keys(value);
    const key = keys[step % keys.length] as string;
    const spoilt = { ...value, [key]: spoil(value[key], { steps: rest, value: other, remove }) };
    if (remove && rest.length === 0) delete spoilt[key];
    return spoilt;
  }
  return other;
}

/** Only a wrong field may be thrown, and it is named. */
function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof WrongField, String(error instanceof Error ? error.stack : error));
    return null;
  }
}

function spoilt(body: Buffer, how: Wrong): Buffer {
  return Buffer.from(JSON.stringify(spoil(JSON.parse(body.toString()), how)) ?? '');
}

for (const codec of all) {
  const subset = subsets[codec.dialect];

  test(`${codec.dialect}: no request crashes its reader, or the writers of other dialects`, () => {
    fc.assert(
      fc.property(requests(subset), wrong, (request, how) => {
        const body = spoilt(codec.writeRequest(request, target).body, how);
        const read = readable(() => codec.readRequest(body, place));
        if (read) for (const other of [...all, cohereChatCodec]) other.writeRequest(read, target);
      }),
      { numRuns: 150 },
    );
  });

  test(`${codec.dialect}: no answer crashes its reader, or the writers of other dialects`, () => {
    fc.assert(
      fc.property(answers(subset), wrong, (answer, how) => {
        const body = spoilt(Buffer.from(codec.writeAnswer(answer, 'm')), how);
        const read = readable(() => codec.readAnswer(body));
        if (read) for (const other of all) other.writeAnswer(read, 'm');
      }),
      { numRuns: 150 },
    );
  });

  test(`${codec.dialect}: no event of a stream crashes a translation`, () => {
    fc.assert(
      fc.property(answers(subset), wrong, fc.nat(), (answer, how, which) => {
        const stream = asEvents(codec, spoiltStream(codec, writeStream(codec, answer), how, which));
        for (const client of all) {
          const pipe = translation(client, codec).stream();
          const out = [pipe.push(stream), pipe.end()];
          assert.ok(pipe.finish || pipe.error, Buffer.concat(out).toString());
        }
      }),
      { numRuns: 150 },
    );
  });

  test(`${codec.dialect}: an invalid stream ends with an error event`, () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const pipe = translation(codec, codec).stream();
        const out = Buffer.concat([pipe.push(Buffer.from(bytes)), pipe.end()]);
        assert.ok(pipe.error);
        assert.ok(out.length > 0);
      }),
    );
  });

  test(`${codec.dialect}: an invalid body is refused as a request, and taken as text of an error`, () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(Buffer.from)), (bytes) => {
        const body = Buffer.from(bytes);
        readable(() => codec.readRequest(body, place));
        readable(() => codec.readAnswer(body));
        const error = codec.readError(body, 500);
        assert.notEqual(error.message, '');
        assert.equal(error.status, 500);
        JSON.parse(codec.writeError(error));
      }),
    );
  });
}

function translation(client: Codec, provider: Codec) {
  const request = emptyRequest('m', true);
  const messages = [{ role: 'user' as const, content: [textBlock('hi')], at: '' }];
  const way = new Translator(client, provider, 'one', Buffer.alloc(32), null);
  return way.write({ ...request, messages }, target);
}

/** One event of the stream is another. */
function spoiltStream(codec: Codec, stream: Buffer, how: Wrong, which: number): Buffer {
  const bedrock = codec.dialect === 'bedrock.converse';
  const events: { event: string; data: string }[] = [];
  const splitter = bedrock ? new EventStreamSplitter() : new SseSplitter();
  splitter.push(stream, (event) => events.push(event));
  const at = which % events.length;
  return Buffer.concat(
    events.map(({ event, data }, i) => {
      const sent = i === at && data !== '[DONE]' ? spoilt(Buffer.from(data), how).toString() : data;
      return bedrock
        ? writeFrame('event', event, sent)
        : Buffer.from(`event: ${event}\ndata: ${sent}\n\n`);
    }),
  );
}
