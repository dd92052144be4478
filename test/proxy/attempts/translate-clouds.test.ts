import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';
import type { Provider } from '../../../src/config/configuration.js';
import { provider } from '../../config/configuration-for-test.js';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { ask } from '../../support/ask.js';
import { startUpstream } from '../../support/upstream.js';
import { gatewayForTest, recordsOf, serveGateway } from '../gateway-for-test.js';

async function served(t: TestContext, fields: Partial<Provider>) {
  const gateway = gatewayForTest(t, [provider('p', fields)]);
  const origin = await serveGateway(t, gateway);
  const options = { apiKey: 'sk-test', maxRetries: 0 };
  return {
    origin,
    last: () => recordsOf(gateway).at(-1),
    openai: new OpenAI({ ...options, baseURL: `${origin}/v1` }),
    anthropic: new Anthropic({ ...options, baseURL: origin }),
    google: new GoogleGenAI({ apiKey: 'sk-test', httpOptions: { baseUrl: origin } }),
  };
}

const question = [{ role: 'user' as const, content: 'What is the weather in Bern?' }];

for (const [cloud, fields] of [
  [
    'bedrock',
    {
      provider_type: 'bedrock',
      api_key: 'AKIDEXAMPLE:secret',
      model_mapping: { m: 'anthropic.claude-x' },
    },
  ],
  [
    'vertex',
    {
      provider_type: 'vertex',
      provider_params: { project: 'p' },
      model_mapping: { m: 'claude-x@1' },
    },
  ],
] as const) {
  test(`the Anthropic SDK reaches Claude at ${cloud} with its own bytes, whole and streamed`, async (t) => {
    const { mock } = await mockForTest(t);
    const base = cloud === 'bedrock' ? '' : 'v1';
    const api_base = mock.url.replace(/v1$/, base);
    const { anthropic, last } = await served(t, { ...fields, api_base });
    const body = { model: 'm', max_tokens: 100, messages: question };
    const whole = await anthropic.messages.create(body);
    assert.equal(whole.stop_reason, 'end_turn');
    assert.equal(last()?.translation, null);
    assert.equal(last()?.usage?.completionTokens, whole.usage.output_tokens);
    const streamed = await anthropic.messages.stream(body).finalMessage();
    assert.deepEqual(streamed.content, whole.content);
    assert.equal(last()?.usage?.completionTokens, whole.usage.output_tokens);
    assert.equal(last()?.complete, true);
  });

  test(`errors of Claude at ${cloud} are the Anthropic SDK’s own`, async (t) => {
    const { url } = await startUpstream(t, (_request, response) => {
      const said =
        cloud === 'bedrock' ? { message: 'slow' } : [{ error: { code: 429, message: 'slow' } }];
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '3' });
      response.end(JSON.stringify(said));
    });
    const { anthropic } = await served(t, {
      ...fields,
      api_base: url,
    });
    const asked = anthropic.messages.create({ model: 'm', max_tokens: 1, messages: question });
    await assert.rejects(asked, (error: unknown) => {
      assert.ok(error instanceof Anthropic.RateLimitError);
      assert.match(error.message, /rate_limit_error.*slow/);
      assert.equal(error.headers?.get('retry-after'), '3');
      return true;
    });
  });
}

for (const [name, fields, model] of [
  ['gemini', { provider_type: 'gemini' }, 'gemini-embedding-001'],
  ['vertex', { provider_type: 'vertex', provider_params: { project: 'p' } }, 'text-embedding-005'],
  ['titan at bedrock', { provider_type: 'bedrock' }, 'amazon.titan-embed-text-v2:0'],
  ['cohere at bedrock', { provider_type: 'bedrock' }, 'cohere.embed-v4:0'],
] as const) {
  test(`OpenAI’s embeddings are translated for ${name}`, async (t) => {
    const { mock } = await mockForTest(t);
    const base = { gemini: 'v1beta', vertex: 'v1' }[name as string] ?? '';
    const api_base = mock.url.replace(/v1$/, base);
    const { openai, last } = await served(t, { ...fields, api_base, model_mapping: { e: model } });
    const answer = await openai.embeddings.create({ model: 'e', input: 'hello', dimensions: 8 });
    assert.equal(answer.data[0]?.embedding.length, 8);
    assert.ok(last()?.translation?.to);
    assert.ok((last()?.usage?.promptTokens ?? 0) > 0);
    const tokens = openai.embeddings.create({ model: 'e', input: [1, 2, 3] });
    await assert.rejects(tokens, { status: 400, message: /'input' holds tokens/ });
  });
}

test('Gemini’s embeddings, one and several, are translated for a server with OpenAI’s', async (t) => {
  const { mock } = await mockForTest(t);
  const { google } = await served(t, { api_base: mock.url });
  for (const contents of [['one'], ['one', 'two']]) {
    const { embeddings } = await google.models.embedContent({ model: 'e', contents });
    assert.equal(embeddings?.length, contents.length);
    assert.ok((embeddings[0]?.values?.length ?? 0) > 100);
  }
});

test('several texts for Gemini natively name the model that is sent', async (t) => {
  const { url, received } = await startUpstream(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"embeddings":[]}');
  });
  const fields = { provider_type: 'gemini' as const, api_base: url, model_mapping: { e: 'sent' } };
  const { origin } = await served(t, fields);
  const post = (body: string) =>
    ask(`${origin}/v1beta/models/e:batchEmbedContents`, { method: 'POST', body });
  const given =
    '{"requests": [{"model":"models/e","content":{"parts":[{"text":"models/e"}]}}, {"a":1.0}]}';
  assert.equal((await post(given)).status, 200);
  assert.equal(received[0]?.path, '/v1/models/sent:batchEmbedContents');
  assert.equal(received[0]?.body.toString(), given.replace('"models/e","c', '"models/sent","c'));
  const other = await post('{"requests":[{"model":"models/e"},{"model":"models/other"}]}');
  assert.equal(other.status, 400);
  assert.match(other.text, /not that of the path/);
});

test('reranking is translated between the shapes of Cohere and of others', async (t) => {
  const { url, received } = await startUpstream(t, ({ path }, response) => {
    const results = [{ index: 1, relevance_score: 0.9 }];
    const more =
      path === '/v2/rerank'
        ? { meta: { billed_units: { search_units: 2 } } }
        : { usage: { total_tokens: 5 } };
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ results, ...more }));
  });
  const body = JSON.stringify({ model: 'r', query: 'q', documents: ['a', 'b'] });
  const post = async (origin: string, path: string) =>
    JSON.parse((await ask(origin + path, { method: 'POST', body })).text);
  const cohere = await served(t, { provider_type: 'cohere', api_base: url.replace('/v1', '') });
  const asJina = await post(cohere.origin, '/v1/rerank');
  assert.deepEqual(asJina.results, [{ index: 1, document: { text: 'b' }, relevance_score: 0.9 }]);
  assert.equal(received.at(-1)?.path, '/v2/rerank');
  const native = await post(cohere.origin, '/v2/rerank');
  assert.deepEqual([native.meta.billed_units.search_units, cohere.last()?.translation], [2, null]);
  const vllm = await served(t, { api_base: url });
  const asCohere = await post(vllm.origin, '/v2/rerank');
  assert.deepEqual(asCohere.meta.billed_units, { search_units: 1 });
  assert.equal(received.at(-1)?.path, '/v1/rerank');
  assert.equal(vllm.last()?.usage?.promptTokens, 5);
});
