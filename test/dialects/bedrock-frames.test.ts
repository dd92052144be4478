import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventStreamSplitter, writeFrame } from '../../src/dialects/bedrock/event-stream.js';
import type { SseEvent } from '../../src/dialects/sse.js';

/** Written by AWS's own codec, with a header of each kind of size. */
const frame = Buffer.from(
  'AAAAkwAAAGsp5Dp5CzpldmVudC10eXBlBwARY29udGVudEJsb2NrRGVsdGENOmNvbnRlbnQtdHlwZQcAEGFwcGxpY2F0' +
    'aW9uL2pzb24NOm1lc3NhZ2UtdHlwZQcABWV2ZW50AjpuBAAAAAUCOnQIAAAAAAAAAAB7ImRlbHRhIjp7InRleHQiOiJo' +
    'w6kifX2qA/+q',
  'base64',
);
const event = { event: 'contentBlockDelta', data: '{"delta":{"text":"hé"}}' };

function read(bytes: Buffer): SseEvent[] {
  const events: SseEvent[] = [];
  const splitter = new EventStreamSplitter();
  splitter.push(bytes, (one) => events.push(one));
  splitter.end();
  return events;
}

test('reads frames as AWS writes them', () => {
  assert.deepEqual(read(frame), [event]);
  assert.deepEqual(read(Buffer.concat([frame, frame])), [event, event]);
});

test('reads frames that are cut at any byte', () => {
  const events: SseEvent[] = [];
  const splitter = new EventStreamSplitter();
  for (const byte of Buffer.concat([frame, frame])) {
    splitter.push(Buffer.from([byte]), (one) => events.push(one));
  }
  assert.deepEqual(events, [event, event]);
});

test('names an exception by its type', () => {
  const bytes = writeFrame('exception', 'throttlingException', '{"message":"slow"}');
  assert.deepEqual(read(bytes), [{ event: 'throttlingException', data: '{"message":"slow"}' }]);
});

test('refuses a frame in which any bit is wrong', () => {
  for (let at = 0; at < frame.length; at++) {
    const damaged = Buffer.from(frame);
    damaged[at] = (damaged[at] as number) ^ 1;
    assert.throws(() => read(damaged), /frame/, `byte ${at}`);
  }
});

test('refuses a stream that ends within a frame', () => {
  assert.throws(() => read(frame.subarray(0, -1)), /ends within a frame/);
});
