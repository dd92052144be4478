import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventStreamSplitter } from '../../src/dialects/bedrock/event-stream.js';
import type { Codec } from '../../src/dialects/codec.js';
import { codecs } from '../../src/dialects/codecs.js';
import type { ConversationAnswer, Part } from '../../src/dialects/conversation.js';
import { Fold, unfold } from '../../src/dialects/fold.js';
import { OneAtATime } from '../../src/dialects/one-at-a-time.js';
import { SseSplitter } from '../../src/dialects/sse.js';
import { answers, comparable, requests, target } from './arbitraries.js';
import { subsets } from './subsets.js';

const inBody = { model: '', stream: null };

for (const [dialect, subset] of Object.entries(subsets)) {
  const codec = codecs[subset.dialect];

  test(`${dialect}: a request that is written is read as it was`, () => {
    fc.assert(
      fc.property(requests(subset), (request) => {
        const { body, losses } = codec.writeRequest(request, target);
        assert.deepEqual(losses, []);
        const place = { model: request.model, stream: request.stream };
        const read = codec.readRequest(body, { ...inBody, ...place });
        assert.deepEqual(comparable(read, subset), comparable(request, subset));
      }),
    );
  });

  test(`${dialect}: an answer that is written is read as it was`, () => {
    fc.assert(
      fc.property(answers(subset), (answer) => {
        const body = Buffer.from(codec.writeAnswer(answer, 'model-x'));
        assert.deepEqual(codec.readAnswer(body), answer);
      }),
    );
  });

  test(`${dialect}: a stream that is cut anywhere folds into the whole answer`, () => {
    fc.assert(
      fc.property(answers(subset), fc.array(fc.nat()), (answer, cuts) => {
        assert.deepEqual(readStream(codec, writeStream(codec, answer), cuts), answer);
      }),
    );
  });
}

function writeStream(codec: Codec, answer: ConversationAnswer): Buffer {
  const writer = codec.streamWriter('model-x', true);
  const pieces: Buffer[] = [];
  const write = (part: Part) => {
    const piece = writer.push(part);
    if (piece !== null) pieces.push(Buffer.from(piece as string));
  };
  const ordered = new OneAtATime(write);
  for (const part of unfold(answer)) ordered.push(part);
  return Buffer.concat(pieces);
}

function readStream(codec: Codec, bytes: Buffer, cuts: readonly number[]) {
  const places = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  const fold = new Fold();
  const reader = codec.streamReader();
  const splitter =
    codec.dialect === 'bedrock.converse' ? new EventStreamSplitter() : new SseSplitter();
  const out = (part: Part) => fold.push(part);
  let from = 0;
  for (const to of [...places, bytes.length]) {
    splitter.push(bytes.subarray(from, to), (event) => reader.push(event, out));
    from = to;
  }
  splitter.end((event) => reader.push(event, out));
  reader.end(out);
  return fold.answer;
}
