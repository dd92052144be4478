import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { codecs } from '../../src/dialects/codecs.js';
import { answers, comparable, requests, target } from './arbitraries.js';
import { readStream, writeStream } from './streams.js';
import { subsets } from './subsets.js';

const inBody = { model: '', stream: null };

for (const [dialect, subset] of Object.entries(subsets)) {
  const codec = codecs[subset.dialect];

  test(`${dialect}: a written request reads back the same`, () => {
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

  test(`${dialect}: a written answer reads back the same`, () => {
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
