import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Provider } from '../../src/config/configuration.js';
import { modelEndpoints } from '../../src/dialects/endpoints.js';
import { defaultBaseOf } from '../../src/providers/index.js';
import { compileWires } from '../../src/routing/wire.js';
import { provider } from '../config/configuration-for-test.js';

const api_base = 'https://us-east5-aiplatform.googleapis.com/v1';
const params = { project: 'my-project', location: 'us-east5' };
const vertex = (fields: Partial<Provider> = {}) =>
  compileWires(
    provider('v', { provider_type: 'vertex', api_base, provider_params: params, ...fields }),
  );
const endpointAt = (pattern: string) =>
  modelEndpoints.find((each) => each.pattern === pattern) ?? assert.fail();
const models = '/v1/projects/my-project/locations/us-east5/publishers';

test('models of Gemini are asked in Gemini’s API, in the project and its location', () => {
  const generate = endpointAt('/v1beta/models/{model}:generateContent');
  const native = vertex().to(generate, 'gemini-2.5-pro');
  const named = `${models}/google/models/gemini-2.5-pro`;
  assert.equal(native?.path, `${named}:generateContent`);
  assert.equal(native.streamPath, `${named}:streamGenerateContent?alt=sse`);
  assert.equal(native.carry, null);
  const chat = vertex().translated(endpointAt('/v1/chat/completions'), 'gemini-2.5-pro');
  assert.equal(chat?.path, `${named}:generateContent`);
  assert.equal(vertex().to(endpointAt('/v1/messages'), 'gemini-2.5-pro'), null);
  const express = vertex({ provider_params: {} }).to(generate, 'models/gemini-2.5-pro');
  assert.equal(express?.path, '/v1/publishers/google/models/gemini-2.5-pro:generateContent');
  assert.equal(vertex().to(generate, '..'), null);
});

test('Claude is asked in Anthropic’s API by rawPredict, with the version in the body', () => {
  const model = 'claude-sonnet-4@20250514';
  const wire = vertex().to(endpointAt('/v1/messages'), model);
  assert.equal(wire?.path, `${models}/anthropic/models/${model}:rawPredict`);
  assert.equal(wire.streamPath, `${models}/anthropic/models/${model}:streamRawPredict`);
  const betas = 'context-1m-2025-08-07,made-up-2025-01-01';
  const { body, headers } = wire.carry?.(Buffer.from('{"stream":true,"model":"m"}'), betas) ?? {};
  assert.equal(body?.toString(), '{"anthropic_version":"vertex-2023-10-16","stream":true}');
  assert.deepEqual(headers, ['anthropic-beta', 'context-1m-2025-08-07']);
  assert.deepEqual(wire.carry?.(Buffer.from('{}'), '').headers, []);
  assert.equal(wire.forwards('anthropic-beta'), false);
  const chat = vertex().translated(endpointAt('/v1/chat/completions'), model);
  assert.equal(chat?.path, wire.path);
  assert.notEqual(chat?.carry, null);
  const counted = vertex().to(endpointAt('/v1/messages/count_tokens'), model);
  assert.equal(counted?.path, `${models}/anthropic/models/count-tokens:rawPredict`);
  const asked = counted.carry?.(Buffer.from('{"model":"m"}'), '').body.toString();
  assert.equal(asked, '{"anthropic_version":"vertex-2023-10-16","model":"m"}');
  assert.equal(vertex().to(endpointAt('/v1beta/models/{model}:generateContent'), model), null);
});

test('text embedding models are asked by predict, Gemini’s newer ones in its own API', () => {
  const embeds = (pattern: string, model: string) => {
    const wires = vertex();
    const endpoint = endpointAt(pattern);
    return (wires.to(endpoint, model) ?? wires.translated(endpoint, model))?.path ?? null;
  };
  const one = '/v1beta/models/{model}:embedContent';
  const several = '/v1beta/models/{model}:batchEmbedContents';
  for (const model of [
    'text-embedding-005',
    'text-multilingual-embedding-002',
    'gemini-embedding-001',
  ]) {
    for (const pattern of ['/v1/embeddings', one, several]) {
      assert.equal(embeds(pattern, model), `${models}/google/models/${model}:predict`, pattern);
    }
    assert.equal(embeds('/v1/chat/completions', model), null);
    assert.equal(embeds('/v1beta/models/{model}:countTokens', model), null);
  }
  for (const newer of ['gemini-embedding-2', 'gemini-embedding-2-preview']) {
    for (const pattern of ['/v1/embeddings', one, several]) {
      assert.equal(embeds(pattern, newer), `${models}/google/models/${newer}:embedContent`);
    }
  }
  for (const pattern of ['/v1/embeddings', one]) {
    assert.equal(embeds(pattern, 'gemini-2.5-pro'), null);
    assert.equal(embeds(pattern, 'claude-x'), null);
  }
});

test('open models are asked in OpenAI’s APIs, in a project', () => {
  const model = 'intfloat/multilingual-e5-large-instruct-maas';
  const at = '/v1/projects/my-project/locations/us-east5/endpoints/openapi';
  const pathTo = (pattern: string, wires = vertex()) => wires.to(endpointAt(pattern), model)?.path;
  assert.equal(pathTo('/v1/embeddings'), `${at}/embeddings`);
  assert.equal(pathTo('/v1/chat/completions'), `${at}/chat/completions`);
  assert.equal(pathTo('/v1beta/models/{model}:generateContent'), undefined);
  assert.equal(pathTo('/v1/messages'), undefined);
  assert.equal(pathTo('/v1/embeddings', vertex({ provider_params: {} })), undefined);
  const embed = vertex().translated(endpointAt('/v1beta/models/{model}:embedContent'), model);
  assert.equal(embed?.path, `${at}/embeddings`);
  const messages = vertex().translated(endpointAt('/v1/messages'), model);
  assert.equal(messages?.path, `${at}/chat/completions`);
});

test('counted content is at the top level, as Vertex AI requires', () => {
  const wire = vertex().to(endpointAt('/v1beta/models/{model}:countTokens'), 'gemini-x');
  assert.equal(wire?.path, `${models}/google/models/gemini-x:countTokens`);
  const carried = (body: string) => wire?.carry?.(Buffer.from(body), '').body.toString();
  const plain = '{"contents": [1.0]}';
  assert.equal(carried(plain), plain);
  const rest = '"systemInstruction":{},"tools":[],"generationConfig":{}';
  for (const name of ['generateContentRequest', 'generate_content_request']) {
    const whole = `{"${name}":{"model":"models/x","contents":[1],${rest},"toolConfig":{}}}`;
    assert.equal(carried(whole), `{"contents":[1],${rest}}`);
  }
});

test('Google’s own errors get the shape of messages, Anthropic’s keep it', () => {
  const { ownError } = vertex().to(endpointAt('/v1/messages'), 'claude-x')?.dialect ?? {};
  const quota = { error: { code: 429, message: 'Quota', status: 'RESOURCE_EXHAUSTED' } };
  for (const body of [quota, [quota]]) {
    const told = JSON.parse(ownError?.(Buffer.from(JSON.stringify(body)), 429) ?? '');
    assert.deepEqual(told.error, { type: 'rate_limit_error', message: 'Quota' });
  }
  const own = '{"type":"error", "error":{"type":"invalid_request_error","message":"x"}}';
  assert.equal(ownError?.(Buffer.from(own), 400), own);
});

test('a fetched token is the bearer, a token as api_key too, and any other key goes in its header', () => {
  const headers = (fields: Partial<Provider>) => vertex(fields).list.headers.slice(0, 2);
  const fetched = { ...params, fetched: { bearer: 'tok' } };
  assert.deepEqual(headers({ provider_params: fetched }), ['authorization', 'Bearer tok']);
  assert.deepEqual(headers({ api_key: 'ya29.x' }), ['authorization', 'Bearer ya29.x']);
  assert.deepEqual(headers({ api_key: 'AIzaX' }), ['x-goog-api-key', 'AIzaX']);
  assert.equal(vertex().list.path, '/v1beta1/publishers/google/models');
  const bases = {
    'us-east5': 'us-east5-aiplatform',
    global: 'aiplatform',
    eu: 'aiplatform.eu.rep',
  };
  for (const [location, host] of Object.entries(bases)) {
    assert.equal(defaultBaseOf('vertex', { location }), `https://${host}.googleapis.com/v1`);
  }
  assert.equal(defaultBaseOf('vertex', {}), 'https://us-central1-aiplatform.googleapis.com/v1');
});
