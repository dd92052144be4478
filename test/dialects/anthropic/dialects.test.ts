import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messages } from '../../../src/dialects/anthropic/dialects.js';
import { FirstContent, type Verdict } from '../../../src/dialects/stream/first-content.js';
import type { TokenUsage } from '../../../src/dialects/usage.js';
import { GatewayError } from '../../../src/errors.js';

const event = (data: { type: string } & object) =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
const usageOf = (text: string) => {
  const body = Buffer.from(text);
  const usage = messages.readUsage({
    head: (bytes) => body.subarray(0, bytes),
    tail: (bytes) => body.subarray(Math.max(0, body.length - bytes)),
    whole: () => body,
  });
  return usage && totals(usage);
};
const totals = ({ promptTokens, completionTokens }: TokenUsage) => ({
  promptTokens,
  completionTokens,
});
const start = (usage: object) => event({ type: 'message_start', ...{ message: { usage } } });
const end = (usage: object) => event({ type: 'message_delta', ...{ delta: {}, usage } });

test('a stream says something with its first delta, tool or end, and fails with an error', () => {
  const says: [text: string, verdict: Verdict][] = [
    [start({ input_tokens: 1 }), 'waiting'],
    [event({ type: 'ping' }), 'waiting'],
    [event({ type: 'content_block_start', ...{ content_block: { type: 'text' } } }), 'waiting'],
    [event({ type: 'content_block_start', ...{ content_block: { type: 'thinking' } } }), 'waiting'],
    [event({ type: 'content_block_start', ...{ content_block: { type: 'tool_use' } } }), 'content'],
    [event({ type: 'content_block_delta', ...{ delta: { text: 'a' } } }), 'content'],
    [event({ type: 'message_delta' }), 'content'],
    [event({ type: 'message_stop' }), 'content'],
    [event({ type: 'new_kind' }), 'content'],
    [event({ type: 'error', ...{ error: { type: 'overloaded_error' } } }), 'error'],
    ['data: null\n\n', 'waiting'],
    ['data: no JSON\n\n', 'content'],
    [': comment\n\n', 'waiting'],
  ];
  for (const [text, verdict] of says) {
    assert.equal(new FirstContent(messages.judge).push(Buffer.from(text)), verdict, text);
  }
});

test('cached tokens are part of the prompt, whole and streamed', () => {
  const counts = {
    input_tokens: 5,
    cache_creation_input_tokens: 20,
    cache_read_input_tokens: 300,
    cache_creation: { ephemeral_5m_input_tokens: 20 },
    output_tokens: 7,
    service_tier: 'standard',
  };
  const expected = { promptTokens: 325, completionTokens: 7 };
  const tool = { type: 'tool_use', input: { usage: { input_tokens: 1, output_tokens: 1 } } };
  const whole = { type: 'message', content: [tool], usage: counts };
  assert.deepEqual(usageOf(JSON.stringify(whole)), expected);
  const out = { output_tokens: 7 };
  const first = start({ ...counts, output_tokens: 1 });
  assert.deepEqual(usageOf(first + end(out)), expected);
  const long = event({ type: 'content_block_delta', ...{ delta: { text: 'x'.repeat(60_000) } } });
  assert.deepEqual(usageOf(first + long + end(out) + event({ type: 'message_stop' })), expected);
  const later = { input_tokens: 6, cache_read_input_tokens: null, ...out };
  assert.deepEqual(usageOf(first + end(later)), { promptTokens: 326, completionTokens: 7 });
});

test('a stream that breaks before its end reports no usage, nor does what has none', () => {
  assert.equal(usageOf(start({ input_tokens: 5, output_tokens: 1 })), null);
  assert.equal(usageOf(end({ output_tokens: 1 })), null);
  assert.equal(usageOf('{"type":"message","usage":{"output_tokens":"1","input_tokens":1}}'), null);
  assert.equal(usageOf('{"type":"message"}'), null);
  assert.equal(usageOf(''), null);
});

test('errors have Anthropic’s shape, in bodies and in streams', () => {
  const types: [code: ConstructorParameters<typeof GatewayError>[0], type: string][] = [
    ['invalid_request', 'invalid_request_error'],
    ['invalid_api_key', 'authentication_error'],
    ['model_not_allowed', 'permission_error'],
    ['model_not_found', 'not_found_error'],
    ['request_too_large', 'request_too_large'],
    ['rate_limit_exceeded', 'rate_limit_error'],
    ['internal_error', 'api_error'],
    ['upstream_failed', 'api_error'],
    ['overloaded', 'overloaded_error'],
    ['upstream_timeout', 'timeout_error'],
  ];
  for (const [code, type] of types) {
    const error = new GatewayError(code, 'said');
    const body = { type: 'error', error: { type, message: 'said' }, request_id: 'id' };
    assert.deepEqual(JSON.parse(messages.errorBody(error, 'id')), body, code);
    const text = messages.errorEvent(error, 'id').toString();
    assert.equal(text, `event: error\ndata: ${messages.errorBody(error, 'id')}\n\n`);
  }
});
