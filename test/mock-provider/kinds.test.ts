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
