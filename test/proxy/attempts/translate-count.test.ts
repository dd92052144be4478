import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import type { Provider } from '../../../src/config/configuration.js';
import { provider } from '../../config/configuration-for-test.js';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { ask } from '../../support/ask.js';
import { type Answer, startUpstream } from '../../support/upstream.js';
import { gatewayForTest, recordsOf, serveGateway } from '../gateway-for-test.js';

async function served(t: TestContext, ...providers: Partial<Provider>[]) {
  const gateway = gatewayForTest(
    t,
    providers.map((fields, i) => provider(`p${i}`, fields)),
  );
  const origin = await serveGateway(t, gateway);
  return {
    origin,
    last: () => recordsOf(gateway).at(-1),
    anthropic: new Anthropic({ apiKey: 'sk-test', maxRetries: 0, baseURL: origin }),
    google: new GoogleGenAI({ apiKey: 'sk-test', httpOptions: { baseUrl: origin } }),
    count: (body: object) =>
      ask(`${origin}/v1/messages/count_tokens`, { method: 'POST', body: JSON.stringify(body) }),
  };
}

const json =
  (status: number, body: unknown): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };

const messages = [{ role: 'user' as const, content: 'What is the weather in Bern?' }];
const asked = { model: 'm', messages };
const project = { project: 'p' };

for (const [name, fields, base, model, to] of [
  ['openai', { provider_params: { operations: ['responses'] } }, 'v1', 'gpt', 'input_tokens'],
  ['gemini', { provider_type: 'gemini' }, 'v1beta', 'gemini-2.5-pro', 'gemini.count_tokens'],
  [
    'gemini at vertex',
    { provider_type: 'vertex', provider_params: project },
    'v1',
    'gemini-2.5-pro',
    'gemini.count_tokens',
  ],
  [
    'claude at vertex',
    { provider_type: 'vertex', provider_params: project },
    'v1',
    'claude-x@1',
    null,
  ],
  ['claude at bedrock', { provider_type: 'bedrock' }, '', 'us.anthropic.claude-x-v1:0', null],
  ['anthropic', { provider_type: 'anthropic' }, 'v1', 'claude-x', null],
] as const) {
  test(`the Anthropic and Google SDKs count tokens at ${name} as its provider does`, async (t) => {
    const { mock } = await mockForTest(t);
    const { anthropic, google, last } = await served(t, {
      ...(fields as Partial<Provider>),
      api_base: mock.url.replace(/v1$/, base),
      model_mapping: { m: model },
    });
    const { data, response } = await anthropic.messages.countTokens(asked).withResponse();
    assert.equal(data.input_tokens, 7, 'four characters are a token at the mock provider');
    assert.equal(response.headers.get('x-llmproxy-estimated'), null);
    assert.equal(response.headers.get('x-llmproxy-provider'), 'p0');
    assert.equal(response.headers.get('x-llmproxy-lost'), null);
    assert.ok(response.headers.get('request-id'));
    const { translation } = last() ?? {};
    if (to === null) assert.equal(translation, null);
    else assert.ok(translation?.to.endsWith(to), translation?.to);
    const contents = messages[0]?.content ?? '';
    const counted = await google.models.countTokens({ model: 'm', contents });
    assert.equal(counted.totalTokens, 7);
    assert.deepEqual([last()?.status, last()?.usage], [200, null]);
  });
}

test('tokens are estimated, and said to be so, where no provider of the model counts them', async (t) => {
  const { url, received } = await startUpstream(t, json(500, {}));
  const { anthropic, google, origin, last } = await served(t, { api_base: url });
  const { data, response } = await anthropic.messages.countTokens(asked).withResponse();
  assert.equal(data.input_tokens, 11);
  assert.equal(response.headers.get('x-llmproxy-estimated'), 'true');
  assert.ok(response.headers.get('request-id'));
  assert.equal(last()?.provider, null);
  const { totalTokens } = await google.models.countTokens({ model: 'm', contents: 'hello' });
  assert.equal(totalTokens, 6);
  const responses = await ask(`${origin}/v1/responses/input_tokens`, {
    method: 'POST',
    body: '{"model":"m","input":"hello"}',
  });
  assert.deepEqual(JSON.parse(responses.text), {
    object: 'response.input_tokens',
    input_tokens: 6,
  });
  const wrong = await ask(`${origin}/v1/messages/count_tokens`, {
    method: 'POST',
    body: '{"model":"m","messages":[{"role":"nobody"}]}',
  });
  assert.equal(wrong.status, 400);
  assert.match(wrong.text, /"type":"error".*messages\[0\]\.role/);
  assert.equal(received.length, 0, 'no provider is asked');
});

test('tokens of a model that is not served are neither counted nor estimated', async (t) => {
  const { url } = await startUpstream(t, json(200, {}));
  const embeds = { operations: ['embeddings' as const] };
  const { count } = await served(
    t,
    { api_base: url, model_mapping: { a: 'a' } },
    { api_base: url, model_mapping: { e: 'e' }, provider_params: embeds },
  );
  for (const model of ['nobody', 'e']) {
    const { status, text } = await count({ model, messages });
    assert.equal(status, 404, model);
    assert.match(text, /No provider serves the model/);
  }
});

test('if a provider cannot count tokens, the next one does, then an estimate', async (t) => {
  const claude = { provider_type: 'bedrock' as const, model_mapping: { m: 'anthropic.claude-x' } };
  const cannot = { message: "The provided model doesn't support counting tokens." };
  for (const [status, body, fields] of [
    [404, { error: { message: 'Unknown request URL' } }, { provider_type: 'azure' }],
    [405, {}, { provider_type: 'anthropic' }],
    [501, {}, { provider_type: 'gemini' }],
    [400, cannot, claude],
  ] as const) {
    const { url, received } = await startUpstream(t, json(status, body));
    const { count, last } = await served(t, { ...(fields as Partial<Provider>), api_base: url });
    const { status: told, text, headers } = await count(asked);
    assert.equal(told, 200, `${status} ${text}`);
    assert.deepEqual(JSON.parse(text), { input_tokens: 11 });
    assert.equal(headers['x-llmproxy-estimated'], 'true');
    assert.equal(headers['x-llmproxy-attempts'], '1');
    assert.equal(received.length, 1);
    assert.equal(last()?.attemptsLog?.[0]?.status, status);
  }
  const { url: lacking } = await startUpstream(t, json(404, {}));
  const { url } = await startUpstream(t, json(200, { input_tokens: 3 }));
  const { count } = await served(
    t,
    { api_base: lacking, provider_type: 'azure' },
    { api_base: url, provider_type: 'anthropic', provider_params: { priority: 1 } },
  );
  assert.equal(JSON.parse((await count(asked)).text).input_tokens, 3);
});

test('a provider’s error is relayed, and an invalid answer is an error', async (t) => {
  for (const [status, body, told, says] of [
    [400, { error: { message: 'prompt is too long' } }, 400, /prompt is too long/],
    [401, { error: { message: 'bad key' } }, 401, /bad key/],
    [429, { error: { message: 'slow down' } }, 429, /slow down/],
    [503, { error: { message: 'overloaded' } }, 529, /overloaded/],
    [200, { count: 1 }, 502, /input_tokens/],
  ] as const) {
    const { url } = await startUpstream(t, json(status, body));
    const fields = { api_base: url, provider_params: { operations: ['responses' as const] } };
    const { count } = await served(t, fields);
    const answer = await count(asked);
    assert.equal(answer.status, told, answer.text);
    assert.match(answer.text, says);
    assert.equal(answer.headers['x-llmproxy-estimated'], undefined);
  }
  const { url } = await startUpstream(t, json(200, { tokens: 1 }));
  const { count } = await served(t, {
    provider_type: 'bedrock',
    api_base: url,
    model_mapping: { m: 'anthropic.claude-x' },
  });
  assert.equal((await count(asked)).status, 502);
});

test('a policy about losses holds for counts too', async (t) => {
  const { url, received } = await startUpstream(t, json(200, { input_tokens: 5 }));
  const operations = ['responses' as const];
  const marked = {
    model: 'm',
    messages: [
      {
        role: 'user',
        content: [{ type: 'text', text: 'hi', cache_control: { type: 'ephemeral' } }],
      },
    ],
  };
  const lenient = await served(t, { api_base: url, provider_params: { operations } });
  const told = await lenient.count(marked);
  assert.deepEqual(
    [told.status, told.headers['x-llmproxy-lost']],
    [200, 'messages[0].cache_control=dropped'],
  );
  const losses = 'strict' as const;
  const strict = await served(t, { api_base: url, provider_params: { operations, losses } });
  assert.equal((await strict.count(marked)).status, 400);
  assert.equal(received.length, 1);
});

test('a name of another model inside a request to count is refused', async (t) => {
  const { url, received } = await startUpstream(t, json(200, { totalTokens: 1 }));
  const fields = { provider_type: 'gemini' as const, model_mapping: { m: 'sent' } };
  const { origin } = await served(t, { ...fields, api_base: url });
  const count = (body: string) =>
    ask(`${origin}/v1beta/models/m:countTokens`, { method: 'POST', body });
  for (const name of ['generateContentRequest', 'generate_content_request']) {
    const given = `{"${name}": {"contents":[], "model":"models/m"}}`;
    assert.equal((await count(given)).status, 200);
    const sent = received.at(-1)?.body.toString();
    assert.equal(sent, given.replace('models/m', 'models/sent'));
    const other = await count(given.replace('models/m', 'models/other'));
    assert.equal(other.status, 400);
    assert.match(other.text, /not that of the path/);
  }
  assert.equal(received.length, 2);
});
