import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelEndpoints } from '../../src/dialects/endpoints.js';
import { generate } from '../../src/dialects/gemini/dialect.js';
import { compileWires } from '../../src/routing/wire.js';
import { provider } from '../config/configuration-for-test.js';

const api_base = 'https://generativelanguage.googleapis.com/v1beta';
const wires = (fields: object = {}) =>
  compileWires(provider('g', { provider_type: 'gemini', api_base, ...fields }));
const endpointAt = (pattern: string) =>
  modelEndpoints.find((each) => each.pattern === pattern) ?? assert.fail();

test('conversations of every API are translated, the model in the path, a stream at another', () => {
  for (const pattern of ['/v1/chat/completions', '/v1/responses', '/v1/messages']) {
    const endpoint = endpointAt(pattern);
    assert.equal(wires().to(endpoint, 'gemini-2.5-pro'), null);
    const wire = wires().translated(endpoint, 'gemini-2.5-pro');
    assert.equal(wire?.dialect, generate);
    assert.equal(wire.path, '/v1beta/models/gemini-2.5-pro:generateContent');
    assert.equal(wire.streamPath, '/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse');
  }
  assert.equal(wires().translated(endpointAt('/v1/completions'), 'm'), null);
  const counted = wires().translated(endpointAt('/v1/messages/count_tokens'), 'm');
  assert.equal(counted?.path, '/v1beta/models/m:countTokens');
});

test('a name that a client makes up stays in its segment of the path', () => {
  const path = (model: string) => wires().translated(endpointAt('/v1/messages'), model)?.path;
  assert.equal(path('tunedModels/mine'), '/v1beta/tunedModels/mine:generateContent');
  assert.equal(path('a?b#c d'), '/v1beta/models/a%3Fb%23c%20d:generateContent');
  assert.equal(path('a\ud800'), '/v1beta/models/a%EF%BF%BD:generateContent');
  assert.equal(path('../../x'), '/v1beta/models/..%2F..%2Fx:generateContent');
});

test('the key goes in x-goog-api-key, and a query of the provider’s follows its own', () => {
  const { headers } = wires({ api_key: 'sk-g' }).list;
  assert.deepEqual(headers.slice(0, 2), ['x-goog-api-key', 'sk-g']);
  assert.equal(wires().list.path, '/v1beta/models');
  const asked = wires({ provider_params: { query: { a: 'b' } } });
  const wire = asked.translated(endpointAt('/v1/messages'), 'm');
  assert.equal(wire?.streamPath, '/v1beta/models/m:streamGenerateContent?alt=sse&a=b');
  assert.equal(wire.path, '/v1beta/models/m:generateContent?a=b');
});

test('the first events of a stream are judged by what they say', () => {
  const judge = (data: unknown) =>
    generate.judge({ event: '', data: typeof data === 'string' ? data : JSON.stringify(data) });
  const candidate = (parts: unknown[], more: object = {}) => ({
    candidates: [{ content: { parts }, ...more }],
  });
  assert.equal(judge({ usageMetadata: {} }), 'waiting');
  assert.equal(judge(candidate([])), 'waiting');
  assert.equal(judge(candidate([{ text: 'a' }])), 'content');
  assert.equal(judge(candidate([], { finishReason: 'SAFETY' })), 'content');
  assert.equal(judge({ promptFeedback: { blockReason: 'SAFETY' } }), 'content');
  assert.equal(judge({ error: { code: 503 } }), 'error');
  assert.equal(judge('not json'), 'waiting', 'nonsense is no answer');
});

test('an error in an answer of status 200 is treated as that error', () => {
  const error = { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'slow' };
  for (const body of [{ error }, [{ error }]]) {
    const found = generate.errorIn(JSON.stringify(body));
    assert.deepEqual(found, { status: 429, body: JSON.stringify({ error }) });
  }
  assert.equal(generate.errorIn('{"candidates":[]}'), null);
  assert.equal(generate.errorIn('['), null);
});
