import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpanBatch } from '../../../src/observe/otlp/span-batch.js';
import { SpanEncoder } from '../../../src/observe/otlp/span-encoder.js';
import { expectedOf, official, ofModel, options } from './spans-for-test.js';

test('a batch is full at 1,000 requests', () => {
  const batch = new SpanBatch(new SpanEncoder(official, options));
  for (let times = 0; times < 2; times++) {
    const requests = Array.from({ length: 1_000 }, (_, i) => ofModel(`m${i % 7}`));
    for (const request of requests) {
      assert.equal(batch.isFull, false);
      batch.add(request);
    }
    assert.equal(batch.isFull, true);
    assert.equal(batch.size, 1_000);
    assert.deepEqual(Buffer.from(batch.encode()), expectedOf(requests));
    assert.deepEqual(Buffer.from(batch.encode()), expectedOf(requests), 'the same again');
    batch.clear();
    assert.equal(batch.size, 0);
  }
});

test('a batch is full below a megabyte', () => {
  const batch = new SpanBatch(new SpanEncoder(official, options));
  const body = '€'.repeat(16_385);
  const request = { ...ofModel('m'), text: { request: body, response: body } };
  for (let times = 0; times < 2; times++) {
    while (!batch.isFull) batch.add(request);
    const { length } = batch.encode();
    assert.equal(batch.size, 9);
    assert.ok(length > 850_000 && length < 1_000_000, `${length} bytes`);
    batch.clear();
    assert.equal(batch.isFull, false);
  }
});

test('a batch grows to any length', () => {
  const encoder = new SpanEncoder(official, options);
  // Its memory ends within each part of the export once.
  for (let length = 64_000; length < 66_000; length += 10) {
    const text = { request: 'x'.repeat(length), response: '' };
    const requests = [{ ...ofModel('m'), text }];
    const batch = new SpanBatch(encoder);
    for (const request of requests) batch.add(request);
    assert.ok(expectedOf(requests).equals(batch.encode()), `${length} characters`);
  }
});

test('a request that cannot be encoded leaves its batch as it was', () => {
  const batch = new SpanBatch(
    new SpanEncoder((spans) => {
      if (spans.some(({ attributes }) => attributes['gen_ai.request.model'] === 'bad')) {
        throw new Error('bad');
      }
      return official(spans);
    }, options),
  );
  for (const model of ['bad', 'a', 'bad', 'b']) {
    if (model === 'bad') assert.throws(() => batch.add(ofModel(model)), /bad/);
    else batch.add(ofModel(model));
  }
  assert.equal(batch.size, 2);
  assert.deepEqual(Buffer.from(batch.encode()), expectedOf([ofModel('a'), ofModel('b')]));
});
