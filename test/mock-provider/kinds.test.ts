import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { Provider } from '../../src/config/configuration.js';
import { provider } from '../config/configuration-for-test.js';
import { gatewayForTest, serveGateway } from '../proxy/gateway-for-test.js';
import { mockForTest, say } from './mock-for-test.js';

/** Clients of a gateway before a mock provider as one of this kind. */
async function served(t: TestContext, base: string, fields: Partial<Provider>) {
  const { mock } = await mockForTest(t);
  const api_base = mock.url.replace(/\/v1$/, base);
  const origin = await serveGateway(t, gatewayForTest(t, [provider('p', { ...fields, api_base })]));
  const options = { apiKey: 'sk-test', maxRetries: 0 };
  return {
    mock,
    openai: new OpenAI({ ...options, baseURL: `${origin}/v1` }),
    anthropic: new Anthropic({ ...options, baseURL: origin }),
  };
}

const parameters = { type: 'object' as const, properties: { city: { type: 'string' } } };
const tools = [{ type: 'function' as const, function: { name: 'weather', parameters } }];

for (const [name, base, fields] of [
  ['OpenAI', '/v1', {}],
  ['a server with responses only', '/v1', { provider_params: { operations: ['responses'] } }],
  ['Azure', '/openai/v1', { provider_type: 'azure' }],
  ['Anthropic', '/v1', { provider_type: 'anthropic' }],
  ['Gemini', '/v1beta', { provider_type: 'gemini' }],
  ['Vertex AI', '/v1', { provider_type: 'vertex', provider_params: { project: 'p' } }],
  ['Bedrock', '', { provider_type: 'bedrock' }],
  ['Cohere', '', { provider_type: 'cohere' }],
] as const) {
  test(`the mock provider answers as ${name} with JSON that the client’s schema allows`, async (t) => {
    const { openai, anthropic } = await served(t, base, fields as Partial<Provider>);
    const properties = {
      city: { type: 'string' },
      degrees: { type: 'integer', minimum: 3 },
      words: { type: 'array', items: { type: 'string', enum: ['dry', 'wet'] } },
    };
    const required = Object.keys(properties);
    const schema = { type: 'object', properties, required, additionalProperties: false };
    const expected = { city: 'text', degrees: 3, words: ['dry'] };
    const asked = { model: 'm', messages: say('hello') };
    const json_schema = { name: 'weather', schema, strict: true };
    const response_format = { type: 'json_schema' as const, json_schema };
    const whole = await openai.chat.completions.create({ ...asked, response_format });
    assert.deepEqual(JSON.parse(whole.choices[0]?.message.content ?? ''), expected);
    const stream = openai.chat.completions.stream({ ...asked, response_format });
    const final = await stream.finalChatCompletion();
    assert.deepEqual(JSON.parse(final.choices[0]?.message.content ?? ''), expected);
    const text = { format: { type: 'json_schema' as const, name: 'weather', schema } };
    const response = await openai.responses.create({ model: 'm', input: 'hello', text });
    assert.deepEqual(JSON.parse(response.output_text), expected);
    const said = await anthropic.messages.create({
      model: 'm',
      max_tokens: 1_000,
      messages: [{ role: 'user', content: 'hello' }],
      output_config: { format: { type: 'json_schema', schema } },
    });
    const [block] = said.content;
    assert.deepEqual(JSON.parse(block?.type === 'text' ? block.text : ''), expected);
    const any = await openai.chat.completions.create({
      ...asked,
      response_format: { type: 'json_object' },
    });
    assert.equal(typeof JSON.parse(any.choices[0]?.message.content ?? ''), 'object');
    const plain = await openai.chat.completions.create({
      ...asked,
      response_format: { type: 'text' },
    });
    assert.match(plain.choices[0]?.message.content ?? '', /mock provider/);
  });
}

for (const [name, base, fields] of [
  ['Azure by deployment', '', { provider_type: 'azure' }],
  ['Azure without versions', '/openai/v1', { provider_type: 'azure' }],
  ['Cohere', '', { provider_type: 'cohere' }],
] as const) {
  test(`the mock provider answers as ${name}: a chat, a stream, tools over two turns, embeddings`, async (t) => {
    const { openai, anthropic } = await served(t, base, fields);
    const body = { model: 'm', messages: say('hello') };
    const whole = await openai.chat.completions.create(body);
    assert.equal(whole.choices[0]?.finish_reason, 'stop');
    assert.equal(whole.usage?.prompt_tokens, 2);
    const stream = await openai.chat.completions.create({
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    });
    let streamed = '';
    let tokens = 0;
    for await (const { choices, usage } of stream) {
      streamed += choices[0]?.delta.content ?? '';
      tokens = usage?.completion_tokens ?? tokens;
    }
    assert.equal(streamed, whole.choices[0]?.message.content);
    assert.equal(tokens, whole.usage?.completion_tokens);

    const asked = await openai.chat.completions.create({ ...body, tools });
    const message = asked.choices[0]?.message ?? assert.fail();
    const [call] = message.tool_calls ?? [];
    assert.ok(call?.type === 'function' && call.function.name === 'weather');
    assert.equal(asked.choices[0]?.finish_reason, 'tool_calls');
    for (const tool_choice of ['required', 'none'] as const) {
      const chosen = await openai.chat.completions.create({ ...body, tools, tool_choice });
      const calls = chosen.choices[0]?.message.tool_calls ?? [];
      assert.equal(calls.length, tool_choice === 'required' ? 1 : 0, tool_choice);
    }
    const calls = openai.chat.completions.stream({ ...body, tools });
    const final = await calls.finalChatCompletion();
    const [again] = final.choices[0]?.message.tool_calls ?? [];
    assert.deepEqual(again?.type === 'function' && JSON.parse(again.function.arguments), {
      ...JSON.parse(call.function.arguments),
    });
    const result = { role: 'tool' as const, tool_call_id: call.id, content: 'sunny' };
    const second = await openai.chat.completions.create({
      ...body,
      messages: [...body.messages, message, result],
      tools,
    });
    assert.equal(second.choices[0]?.finish_reason, 'stop');

    const said = await anthropic.messages.create({
      model: 'm',
      max_tokens: 3,
      messages: [{ role: 'user', content: 'hello' }],
    });
    assert.equal(said.stop_reason, 'max_tokens');
    const embedded = await openai.embeddings.create({ model: 'm', input: ['a', 'b'] });
    assert.equal(embedded.data.length, 2);
    await assert.rejects(openai.chat.completions.create({ ...body, model: 'mock-status-429' }), {
      status: 429,
      message: /429/,
    });
  });
}

test('errors of a translated request name the request, as Anthropic’s clients know them', async (t) => {
  const { anthropic } = await served(t, '', { provider_type: 'cohere' });
  const asked = anthropic.messages.create({
    model: 'mock-status-400',
    max_tokens: 3,
    messages: [{ role: 'user', content: 'hello' }],
  });
  await assert.rejects(asked, (error: unknown) => {
    assert.ok(error instanceof Anthropic.BadRequestError);
    const { request_id } = error.error as { request_id?: string };
    assert.equal(request_id, error.headers?.get('request-id'));
    assert.ok(request_id);
    return true;
  });
});
