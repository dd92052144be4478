import assert from 'node:assert/strict';
import { test } from 'node:test';
import { responses } from '../../../src/dialects/openai/responses-dialect.js';
import { readEvents } from '../../../src/dialects/sse.js';
import { FirstContent, type Verdict } from '../../../src/dialects/stream/first-content.js';
import { noClasses } from '../../../src/dialects/usage.js';
import { GatewayError } from '../../../src/errors.js';

test('a stream says something with its first content, and fails with an error', () => {
  const says: [event: object | null, verdict: Verdict][] = [
    [{ type: 'response.created' }, 'waiting'],
    [{ type: 'response.queued' }, 'waiting'],
    [{ type: 'response.in_progress' }, 'waiting'],
    [{ type: 'response.output_item.added', item: { type: 'message' } }, 'waiting'],
    [{ type: 'response.output_item.added', item: { type: 'reasoning' } }, 'waiting'],
    [{ type: 'response.output_item.added', item: { type: 'function_call' } }, 'content'],
    [{ type: 'response.content_part.added' }, 'waiting'],
    [{ type: 'response.output_text.delta', delta: 'a' }, 'content'],
    [{ type: 'response.completed' }, 'content'],
    [{ type: 'response.incomplete' }, 'content'],
    [{ type: 'response.failed' }, 'error'],
    [{ type: 'error' }, 'error'],
    [{ future: 1 }, 'content'],
    [null, 'waiting'],
    [{ detail: 'no' }, 'waiting'],
  ];
  for (const [event, verdict] of says) {
    const text = `data: ${JSON.stringify(event)}\n\n`;
    assert.equal(new FirstContent(responses.judge).push(Buffer.from(text)), verdict, text);
  }
});

test('the usage is that of the last event, or of the whole answer', () => {
  const of = (text: string) => {
    const body = Buffer.from(text);
    return responses.readUsage({ head: () => body, tail: () => body, whole: () => body });
  };
  const usage = {
    input_tokens: 9,
    input_tokens_details: { cached_tokens: 4 },
    output_tokens: 3,
    total_tokens: 12,
  };
  const classes = { ...noClasses, input: 5, cacheRead: 4, output: 3 };
  const expected = { promptTokens: 9, completionTokens: 3, classes };
  assert.deepEqual(of(JSON.stringify({ object: 'response', usage, metadata: {} })), expected);
  const created = 'data: {"type":"response.created","response":{"usage":null}}\n\n';
  const completed = `data: ${JSON.stringify({ type: 'response.completed', response: { usage } })}\n\n`;
  assert.deepEqual(of(created + completed), expected);
  assert.equal(of(created), null);
  assert.equal(of('{"usage":{"input_tokens":1}}'), null);
  assert.equal(of('{"usage":{"output_tokens":1}}'), null);
});

test('a stream that breaks ends with an error and a failed response', () => {
  const error = new GatewayError('upstream_failed', 'said');
  const events = readEvents(responses.errorEvent(error, 'id'));
  assert.deepEqual(
    events.map(({ event }) => event),
    ['error', 'response.failed'],
  );
  assert.equal(JSON.parse(events[0]?.data ?? '').message, 'said');
  assert.equal(responses.errorBody(error, 'id'), error.toBody());
});
