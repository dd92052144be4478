import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorKindOf } from '../../../src/dialects/errors/error-kind.js';

test('an error about a request that is too long is recognized from every maker', () => {
  for (const body of [
    '{"error":{"message":"x","type":"invalid_request_error","code":"context_length_exceeded"}}',
    `{"message":"This model's maximum context length is 4096 tokens. However, you requested 5000"}`,
    '{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 200001 tokens > 200000 maximum"}}',
    '{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}',
    '{"message":"Input is too long for requested model."}',
    `{"message":"The input (9000 tokens) is longer than the model's context length (8192 tokens)."}`,
    '{"message":"the request exceeds the available context size. try increasing the context size"}',
    '{"error":{"code":"context_window_exceeded"}}',
    '{"message":"too many tokens: size limit exceeded by 40 tokens"}',
    '{"message":"input length and `max_tokens` exceed context limit"}',
    '{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048."}',
  ]) {
    assert.equal(errorKindOf(400, body), 'context_length', body);
  }
});

test('refusals by a content policy are recognized', () => {
  for (const body of [
    '{"error":{"code":"content_policy_violation"}}',
    '{"error":{"code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}',
    '{"error":{"message":"Your request was rejected as a result of our safety system."}}',
    '{"error":{"message":"The model requires moderation on OpenRouter. Your input was flagged"}}',
    '{"code":"data_inspection_failed"}',
  ]) {
    assert.equal(errorKindOf(403, body), 'content_policy', body);
  }
});

test('other errors are of no kind, nor is an error of the key, the quota or the provider', () => {
  assert.equal(errorKindOf(400, '{"error":{"message":"messages is missing"}}'), null);
  assert.equal(errorKindOf(400, '{"message":"max_tokens must be at least 1"}'), null);
  const long = '{"error":{"code":"context_length_exceeded"}}';
  for (const status of [200, 399, 401, 402, 404, 407, 408, 409, 429, 500, 503]) {
    assert.equal(errorKindOf(status, long), null, String(status));
  }
  for (const status of [400, 403, 413, 422, 499]) {
    assert.equal(errorKindOf(status, long), 'context_length', String(status));
  }
});
