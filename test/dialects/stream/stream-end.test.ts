import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messages } from '../../../src/dialects/anthropic/dialects.js';
import type { Dialect } from '../../../src/dialects/dialect.js';
import { chat } from '../../../src/dialects/openai/dialects.js';
import { responses } from '../../../src/dialects/openai/responses-dialect.js';
import { StreamEnd } from '../../../src/dialects/stream/stream-end.js';

const ends: [dialect: Dialect, last: string, isEnd: boolean][] = [
  [messages, '{"type":"message_stop"}', true],
  [messages, '{"type": "error", "error": {"type": "overloaded_error"}}', true],
  [messages, '{"type":"message_delta","delta":{"stop_reason":"end_turn"}}', false],
  [messages, '{"delta":{"text":"say \\"message_stop\\" or \\"error\\""}}', false],
  [responses, '{"type":"response.completed","response":{}}', true],
  [responses, '{"type":"response.incomplete","response":{}}', true],
  [responses, '{"type":"response.failed","response":{}}', true],
  [responses, '{"type":"error","message":"m"}', true],
  [responses, '{"type": "error", "message": "m"}', true],
  [responses, '{"type":"response.created","response":{"error":null}}', false],
  [responses, '{"delta":"\\"response.completed\\""}', false],
];

test('a stream has ended only with the event that its dialect ends with, wherever it is cut', () => {
  for (const [dialect, last, isEnd] of ends) {
    const stream = Buffer.from(`data: {"a":1}\n\ndata: ${last}\n\n`);
    for (let size = 1; size <= stream.length; size++) {
      const end = new StreamEnd(dialect.streamEnds ?? []);
      for (let at = 0; at < stream.length; at += size) end.push(stream.subarray(at, at + size));
      assert.equal(end.isHere, isEnd, `${last} in pieces of ${size}`);
    }
  }
  assert.equal(chat.streamEnds, null);
});
