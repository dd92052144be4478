import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chat } from '../../../src/dialects/openai/dialects.js';
import { AnswerReader } from '../../../src/proxy/answer/answer-reader.js';
import { RequestRecord } from '../../../src/proxy/record.js';
import type { Exchange } from '../../../src/server/exchange.js';
import { nodeEngine } from '../../../src/server/node.js';
import { Attempt } from '../../../src/upstream/attempt.js';
import { withServer } from '../../server/support.js';
import { ask } from '../../support/ask.js';
import { cuts, pieces } from '../json-for-test.js';

const usage = '"usage":{"prompt_tokens":7,"completion_tokens":3}';
const request = {
  body: Buffer.from('{"model":"m"}'),
  model: 'm',
  stream: true,
  modelSpans: [],
  modelIn: 'body' as const,
  alternatives: null,
  usageEdit: null,
  spans: new Map(),
};

function readerFor(stream: boolean, hidesUsage = false): AnswerReader {
  const attempt = new Attempt();
  attempt.stream = stream;
  return new AnswerReader(chat, attempt, hidesUsage);
}

/** A record as the real engine begins it. */
async function newRecord() {
  let made: RequestRecord | undefined;
  await withServer(
    nodeEngine,
    (exchange: Exchange) => {
      made = new RequestRecord(exchange);
      exchange.respond(200, [], '');
    },
    async (_server, origin) => void (await ask(origin)),
  );
  assert.ok(made);
  return made;
}

test('the bytes sent end with a whole event exactly after a blank line', () => {
  const text = fc
    .array(fc.constantFrom('data: x', '\n', '\r\n', '\n\n', '\r\n\r\n', ': c'), { maxLength: 12 })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, cuts, (whole, at) => {
      const reader = readerFor(true);
      let had = '\n\n';
      assert.ok(reader.atEventEnd, 'at the start it has no half of any');
      for (const piece of pieces(Buffer.from(whole), at)) {
        reader.push(piece);
        had += piece.toString();
        assert.equal(reader.atEventEnd, /\n\r?\n$/.test(had), JSON.stringify(had));
      }
    }),
    { numRuns: 500 },
  );
});

test('the usage is read wherever the pieces end, and hidden where the client did not ask', async () => {
  const record = await newRecord();
  const text = `data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: {"choices":[],${usage}}\n\n`;
  fc.assert(
    fc.property(cuts, fc.boolean(), (at, hides) => {
      const reader = readerFor(true, hides);
      const out = pieces(Buffer.from(text), at).map((piece) => reader.push(piece));
      out.push(reader.flush() ?? Buffer.alloc(0));
      reader.finish(record, request);
      assert.deepEqual(record.usage, { promptTokens: 7, completionTokens: 3 });
      assert.equal(record.uncounted, null);
      assert.equal(Buffer.concat(out).includes('usage'), !hides);
    }),
  );
});

test('the text of an answer without usage is kept for counting, of a long one its two ends', async () => {
  const record = await newRecord();
  const short = readerFor(false);
  short.push(Buffer.from('{"a":1}'));
  short.finish(record, request);
  assert.equal(String(record.uncounted?.answer[0]), '{"a":1}');
  assert.equal(record.uncounted?.truncated, false);

  const long = readerFor(true);
  for (let i = 0; i < 400; i++) long.push(Buffer.from(`${i}`.padStart(16_384, '.')));
  long.finish(record, request);
  const kept = record.uncounted?.answer ?? [];
  const bytes = kept.reduce((sum, piece) => sum + piece.length, 0);
  assert.equal(record.uncounted?.truncated, true);
  assert.ok(bytes <= 262_144 + 16_384 && bytes > 220_000, `${bytes}`);
  assert.match(String(kept[0]?.subarray(0, 16_384)), /\.0$/);
  assert.match(String(kept.at(-1)), /\.399$/);
});

test('usage in the dropped part of a long answer is kept', async () => {
  const record = await newRecord();
  const expected = { promptTokens: 7, completionTokens: 3 };
  const answer = `{"data":[${'1,'.repeat(300_000)}1],${usage},"more":[${'1,'.repeat(300_000)}1]}`;
  for (const size of [1_000, 1_447, 16_384, 65_536]) {
    const reader = readerFor(false);
    const body = Buffer.from(answer);
    for (let at = 0; at < body.length; at += size) reader.push(body.subarray(at, at + size));
    reader.finish(record, request);
    assert.deepEqual(record.usage, expected, `in pieces of ${size}`);
  }
});

test('an error answer has nothing to count', async () => {
  const record = await newRecord();
  record.status = 500;
  const reader = readerFor(false);
  reader.push(Buffer.from('{"error":{}}'));
  reader.finish(record, request);
  assert.deepEqual([record.usage, record.uncounted], [null, null]);
});
