import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Provider } from '../../src/config/configuration.js';
import { converse, messagesOnBedrock } from '../../src/dialects/bedrock/dialects.js';
import { writeFrame } from '../../src/dialects/bedrock/event-stream.js';
import { modelEndpoints } from '../../src/dialects/endpoints.js';
import { defaultBaseOf } from '../../src/providers/index.js';
import { compileWires } from '../../src/routing/wire.js';
import { Attempt } from '../../src/upstream/attempt.js';
import { provider } from '../config/configuration-for-test.js';

const api_base = 'https://bedrock-runtime.eu-west-1.amazonaws.com';
const bedrock = (fields: Partial<Provider> = {}) =>
  compileWires(provider('b', { provider_type: 'bedrock', api_base, ...fields }));
const endpointAt = (pattern: string) =>
  modelEndpoints.find((each) => each.pattern === pattern) ?? assert.fail();
const claude = 'us.anthropic.claude-sonnet-4-20250514-v1:0';
const path = `/model/${encodeURIComponent(claude)}`;

test('every conversation is asked by Converse, a stream at its own path', () => {
  for (const pattern of [
    '/v1/chat/completions',
    '/v1/responses',
    '/v1beta/models/{model}:generateContent',
  ]) {
    const { to, translated } = bedrock();
    assert.equal(to(endpointAt(pattern), claude), null);
    const wire = translated(endpointAt(pattern), claude);
    assert.deepEqual(
      [wire?.path, wire?.streamPath, wire?.dialect],
      [`${path}/converse`, `${path}/converse-stream`, converse],
    );
  }
  const nova = bedrock().translated(endpointAt('/v1/messages'), 'amazon.nova-pro-v1:0');
  assert.equal(nova?.path, '/model/amazon.nova-pro-v1%3A0/converse');
});

test('messages reach Claude as they are, by InvokeModel, and no other model', () => {
  const messages = endpointAt('/v1/messages');
  const profile = 'arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-v1:0';
  for (const model of [claude, 'anthropic.claude-v2', profile]) {
    const wire = bedrock().to(messages, model);
    assert.equal(wire?.path, `/model/${encodeURIComponent(model)}/invoke`);
    assert.equal(
      wire.streamPath,
      `/model/${encodeURIComponent(model)}/invoke-with-response-stream`,
    );
    assert.equal(wire.dialect, messagesOnBedrock);
    assert.equal(wire.forwards('anthropic-version'), false);
    assert.equal(wire.forwards('traceparent'), true);
  }
  for (const model of ['amazon.nova-pro-v1:0', 'myanthropic.claude', 'anthropic.other']) {
    assert.equal(bedrock().to(messages, model), null, model);
  }
  for (const model of ['.', '..']) {
    assert.equal(bedrock().translated(endpointAt('/v1/chat/completions'), model), null);
  }
});

test('a body is carried without model and stream, with the version and the betas that are known', () => {
  const carry = bedrock().to(endpointAt('/v1/messages'), claude)?.carry ?? assert.fail();
  const sent = (body: string, betas = '') => carry(Buffer.from(body), betas).body.toString();
  const version = '"anthropic_version":"bedrock-2023-05-31"';
  assert.equal(
    sent('{"model":"m","max_tokens":1e2, "stream": true}'),
    `{${version},"max_tokens":1e2}`,
  );
  assert.equal(sent('{ "a":1.0 ,"model":"m","b":2}'), `{${version}, "a":1.0 ,"b":2}`);
  assert.equal(sent('{"model":"m"}'), `{${version}}`);
  assert.equal(sent('{}'), `{${version}}`);
  assert.equal(sent('{"model":"m","stream":false,"model":"n"}'), `{${version}}`);
  assert.equal(sent('{"x":"\\"model\\":1","stream":true}'), `{${version},"x":"\\"model\\":1"}`);
  assert.equal(sent('{"anthropic_version":"x","a":1}'), `{${version},"a":1}`);
  const betas = 'context-1m-2025-08-07, made-up-2025-01-01 ,interleaved-thinking-2025-05-14';
  assert.equal(
    sent('{"a":1}', betas),
    `{${version},"anthropic_beta":["context-1m-2025-08-07","interleaved-thinking-2025-05-14"],"a":1}`,
  );
  assert.equal(sent('{"anthropic_beta":["own"]}'), `{${version},"anthropic_beta":["own"]}`);
  assert.deepEqual(carry(Buffer.from('{}'), betas).headers, []);
});

test('tokens are counted by CountTokens, with the id of the model and the body of InvokeModel', () => {
  const count = endpointAt('/v1/messages/count_tokens');
  const arn = 'arn:aws:bedrock:us-east-1:1:inference-profile/global.anthropic.claude-x';
  for (const model of ['anthropic.claude-x', 'eu.anthropic.claude-x', arn]) {
    assert.equal(bedrock().to(count, model)?.path, '/model/anthropic.claude-x/count-tokens');
  }
  for (const model of ['amazon.nova-pro-v1:0', 'myanthropic.claude']) {
    assert.equal(bedrock().to(count, model), null, model);
    assert.equal(bedrock().translated(count, model), null, model);
  }
  const gemini = bedrock().translated(endpointAt('/v1beta/models/{model}:countTokens'), claude);
  assert.match(gemini?.path ?? '', /count-tokens$/);
  const { carry, dialect } = bedrock().to(count, claude) ?? assert.fail();
  const asked = (body: string, betas = '') => {
    const sent = JSON.parse(carry?.(Buffer.from(body), betas).body.toString() ?? '');
    return Buffer.from(sent.input.invokeModel.body, 'base64').toString();
  };
  const version = '"anthropic_version":"bedrock-2023-05-31"';
  assert.equal(
    asked('{"model":"m","messages":[1.0],"max_tokens":5}'),
    `{${version},"max_tokens":1,"messages":[1.0]}`,
  );
  const thinking = '"thinking":{"type":"enabled","budget_tokens":2048}';
  assert.equal(asked(`{${thinking}}`), `{${version},"max_tokens":2049,${thinking}}`);
  assert.match(
    asked('{}', 'context-1m-2025-08-07'),
    /"anthropic_beta":\["context-1m-2025-08-07"\]/,
  );
  assert.equal(dialect.ownAnswer?.(Buffer.from('{"inputTokens":7}')), '{"input_tokens":7}');
  for (const body of ['{"inputTokens":"7"}', '[]', 'no JSON']) {
    assert.equal(dialect.ownAnswer?.(Buffer.from(body)), null, body);
  }
  const error = dialect.ownError?.(Buffer.from('{"message":"slow"}'), 429) ?? '';
  assert.equal(JSON.parse(error).error.type, 'rate_limit_error');
});

test('an API key is the bearer token; keys of an account sign, for the region of the address', () => {
  const bearer = bedrock({ api_key: 'ABSKkey' });
  assert.deepEqual(bearer.list.headers.slice(0, 2), ['authorization', 'Bearer ABSKkey']);
  assert.equal(bearer.list.sign, null);
  const request = { method: 'POST', host: 'h', path: '/', headers: [], body: '' };
  const signed = (fields: Partial<Provider>) => bedrock(fields).list.sign?.(request, 0) ?? [];
  const keys = bedrock({ api_key: 'AKIDEXAMPLE:se/cret' });
  assert.equal(keys.list.headers.includes('authorization'), false);
  assert.match(
    signed({ api_key: 'AKIDEXAMPLE:se/cret' })[3] ?? '',
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/19700101\/eu-west-1\/bedrock\/aws4_request, /,
  );
  const token = signed({ api_key: 'AKIDEXAMPLE:secret:to:ken' });
  assert.deepEqual(token.slice(2, 4), ['x-amz-security-token', 'to:ken']);
  const fetched = { accessKeyId: 'ASIAFETCHED', secretAccessKey: 's', sessionToken: 't' };
  const other = { provider_params: { fetched, region: 'us-west-2' }, api_key: 'none' };
  assert.match(signed(other)[5] ?? '', /=ASIAFETCHED\/19700101\/us-west-2\//);
  const vpc = 'https://vpce-1.bedrock-runtime.ap-south-1.vpce.amazonaws.com';
  assert.match(signed({ api_key: 'AKIDEXAMPLE:s', api_base: vpc })[3] ?? '', /\/ap-south-1\//);
  assert.equal(defaultBaseOf('bedrock', {}), 'https://bedrock-runtime.us-east-1.amazonaws.com');
  assert.equal(defaultBaseOf('bedrock', { region: 'eu-west-1' }), api_base);
});

/** The answer that an attempt makes of these bytes. */
async function attempted(dialect: typeof converse, pieces: readonly Buffer[], status = 200) {
  const attempt = new Attempt(dialect, () => {}, true);
  const control = { pause() {}, resume() {}, abort() {} };
  attempt.onRequestStart(control);
  const type = status === 200 ? 'application/vnd.amazon.eventstream' : 'application/json';
  attempt.onResponseStart(control, status, { 'content-type': type });
  for (const piece of pieces) attempt.onResponseData(control, piece);
  attempt.onResponseEnd();
  await attempt.ready;
  return { attempt, text: attempt.takeHeld().toString() };
}

test('frames become events, cut anywhere; a damaged or half frame is a broken answer', async () => {
  const frame = writeFrame('event', 'messageStart', '{"role":"assistant"}');
  const delta = writeFrame('event', 'contentBlockDelta', '{"delta":{"text":"a\\nb"}}');
  const events =
    'event: messageStart\ndata: {"role":"assistant"}\n\n' +
    'event: contentBlockDelta\ndata: {"delta":{"text":"a\\nb"}}\n\n';
  const bytes = Buffer.concat([frame, delta]);
  for (const size of [1, 7, bytes.length]) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
    const { attempt, text } = await attempted(converse, pieces);
    assert.equal(text, events);
    assert.ok(attempt.stream);
    assert.equal(attempt.headers['content-type'], 'text/event-stream');
  }
  const wrong = Buffer.from(frame);
  wrong[20] = (wrong[20] as number) ^ 1;
  await assert.rejects(attempted(converse, [wrong]), { failure: 'protocol' });
  await assert.rejects(attempted(converse, [frame, delta.subarray(0, 9)]), { failure: 'protocol' });
});

test('an exception before the first content is treated as that error', async () => {
  const thrown = writeFrame('exception', 'throttlingException', '{"message":"slow"}');
  const seen = await attempted(converse, [writeFrame('event', 'messageStart', '{}'), thrown]);
  assert.deepEqual([seen.attempt.status, seen.attempt.stream], [429, false]);
  assert.deepEqual(JSON.parse(seen.text), { __type: 'throttlingException', message: 'slow' });
  const invoked = await attempted(messagesOnBedrock, [thrown]);
  assert.equal(invoked.attempt.status, 429);
  assert.deepEqual(JSON.parse(invoked.text).error, { type: 'rate_limit_error', message: 'slow' });
});

test('frames of InvokeModel hold the events of messages, an error of Bedrock gets their shape', async () => {
  const data = '{"type":"content_block_delta","delta":{"text":"é"}}';
  const bytes = Buffer.from(data).toString('base64');
  const { text } = await attempted(messagesOnBedrock, [
    writeFrame('event', 'chunk', JSON.stringify({ bytes, p: 'abc' })),
  ]);
  assert.equal(text, `event: content_block_delta\ndata: ${data}\n\n`);
  const body = Buffer.from('{"message":"Extra inputs are not permitted"}');
  const refused = await attempted(messagesOnBedrock, [body], 400);
  assert.deepEqual(JSON.parse(refused.text).error, {
    type: 'invalid_request_error',
    message: 'Extra inputs are not permitted',
  });
});
