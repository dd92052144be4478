import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { ProviderType } from '../../../src/config/configuration.js';
import { provider } from '../../config/configuration-for-test.js';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { gatewayForTest, recordsOf, serveGateway } from '../gateway-for-test.js';

const kinds: readonly ProviderType[] = ['openai', 'anthropic', 'gemini', 'vertex', 'bedrock'];
const schema = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
} as const;
const question = 'What is the weather in Bern?';

for (const kind of kinds) {
  test(`the OpenAI SDK’s chat completes at a provider of the kind ${kind}`, async (t) => {
    const { openai, lastUsage } = await served(t, kind);
    const asked: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: question }];
    const whole = await openai.chat.completions.create({ model: 'm', messages: asked });
    const text = whole.choices[0]?.message.content;
    assert.ok(text);
    assert.equal(whole.choices[0]?.finish_reason, 'stop');
    assert.deepEqual(lastUsage(), {
      promptTokens: whole.usage?.prompt_tokens,
      completionTokens: whole.usage?.completion_tokens,
    });
    const streamed = openai.chat.completions.stream({ model: 'm', messages: asked });
    assert.equal((await streamed.finalChatCompletion()).choices[0]?.message.content, text);

    const tool = { name: 'get_weather', parameters: schema };
    const tools = [{ type: 'function' as const, function: tool }];
    for (const stream of [false, true]) {
      const body = { model: 'm', messages: asked, tools };
      const first = stream
        ? await openai.chat.completions.stream(body).finalChatCompletion()
        : await openai.chat.completions.create(body);
      assert.equal(first.choices[0]?.finish_reason, 'tool_calls');
      const message = first.choices[0]?.message ?? assert.fail();
      const [call] = message.tool_calls ?? [];
      assert.ok(call?.type === 'function' && call.function.name === 'get_weather');
      assert.equal(typeof JSON.parse(call.function.arguments).city, 'string');
      const result = { role: 'tool' as const, tool_call_id: call.id, content: 'sunny' };
      const messages = [...asked, message, result];
      const second = await openai.chat.completions.create({ model: 'm', messages, tools });
      assert.equal(second.choices[0]?.finish_reason, 'stop');
    }
  });

  test(`the OpenAI SDK’s responses complete at a provider of the kind ${kind}`, async (t) => {
    const { openai, lastUsage } = await served(t, kind);
    const body = { model: 'm', input: question, store: false };
    const whole = await openai.responses.create(body);
    assert.equal(whole.status, 'completed');
    assert.ok(whole.output_text);
    assert.deepEqual(lastUsage(), {
      promptTokens: whole.usage?.input_tokens,
      completionTokens: whole.usage?.output_tokens,
    });
    const streamed = await openai.responses.stream(body).finalResponse();
    assert.equal(streamed.output_text, whole.output_text);
    assert.equal(streamed.usage?.output_tokens, whole.usage?.output_tokens);

    const tool = { name: 'get_weather', parameters: schema, strict: false };
    const tools = [{ type: 'function' as const, ...tool }];
    for (const stream of [false, true]) {
      const asked = { ...body, tools };
      const first = stream
        ? await openai.responses.stream(asked).finalResponse()
        : await openai.responses.create(asked);
      const output: OpenAI.Responses.ResponseOutputItem[] = first.output;
      const call = output.find((item) => item.type === 'function_call');
      assert.ok(call?.name === 'get_weather');
      assert.equal(typeof JSON.parse(call.arguments).city, 'string');
      const second = await openai.responses.create({
        ...asked,
        input: [
          { role: 'user', content: question },
          ...(first.output as OpenAI.Responses.ResponseInputItem[]),
          { type: 'function_call_output', call_id: call.call_id, output: 'sunny' },
        ],
      });
      assert.ok(second.output_text);
    }
  });

  test(`the Anthropic SDK completes at a provider of the kind ${kind}`, async (t) => {
    const { anthropic, lastUsage } = await served(t, kind);
    const asked: Anthropic.MessageParam[] = [{ role: 'user', content: question }];
    const body = { model: 'm', max_tokens: 1_000, messages: asked };
    const whole = await anthropic.messages.create(body);
    assert.equal(whole.stop_reason, 'end_turn');
    assert.equal(whole.content[0]?.type, 'text');
    assert.deepEqual(lastUsage(), {
      promptTokens: whole.usage.input_tokens,
      completionTokens: whole.usage.output_tokens,
    });
    const streamed = await anthropic.messages.stream(body).finalMessage();
    assert.deepEqual(streamed.content, whole.content);
    assert.equal(streamed.usage.output_tokens, whole.usage.output_tokens);

    const tools = [
      { name: 'get_weather', input_schema: schema as unknown as Anthropic.Tool.InputSchema },
    ];
    for (const stream of [false, true]) {
      const first = stream
        ? await anthropic.messages.stream({ ...body, tools }).finalMessage()
        : await anthropic.messages.create({ ...body, tools });
      assert.equal(first.stop_reason, 'tool_use');
      const call = first.content.find((block) => block.type === 'tool_use');
      assert.equal(call?.name, 'get_weather');
      const content = [{ type: 'tool_result' as const, tool_use_id: call.id, content: 'sunny' }];
      const second = await anthropic.messages.create({
        ...{ ...body, tools },
        messages: [
          ...asked,
          { role: 'assistant', content: first.content },
          { role: 'user', content },
        ],
      });
      assert.equal(second.stop_reason, 'end_turn');
    }
  });
}

for (const kind of kinds) {
  test(`errors of a provider of the kind ${kind} are the SDKs’ own classes`, async (t) => {
    const { openai, anthropic } = await served(t, kind);
    const messages = [{ role: 'user' as const, content: question }];
    for (const [model, openaiClass, anthropicClass] of [
      ['mock-status-400', OpenAI.BadRequestError, Anthropic.BadRequestError],
      ['mock-status-429', OpenAI.RateLimitError, Anthropic.RateLimitError],
      ['mock-status-500', OpenAI.InternalServerError, Anthropic.InternalServerError],
      ['mock-reset', OpenAI.InternalServerError, Anthropic.InternalServerError],
    ] as const) {
      for (const stream of [false, true]) {
        const body = { model, stream, messages };
        await assert.rejects(openai.chat.completions.create(body), openaiClass);
        await assert.rejects(
          openai.responses.create({ model, stream, input: question }),
          openaiClass,
        );
        await assert.rejects(
          anthropic.messages.create({ ...body, max_tokens: 10 }),
          anthropicClass,
        );
      }
    }
  });

  test(`a stream that a provider of the kind ${kind} cuts is an error to the SDKs`, async (t) => {
    const { openai, anthropic } = await served(t, kind);
    const model = 'mock-cut-stream';
    const messages = [{ role: 'user' as const, content: question }];
    const chat = openai.chat.completions.stream({ model, messages });
    await assert.rejects(chat.finalChatCompletion(), OpenAI.APIError);
    const response = openai.responses.stream({ model, input: question });
    await assert.rejects(response.finalResponse());
    const message = anthropic.messages.stream({ model, messages, max_tokens: 10 });
    await assert.rejects(message.finalMessage(), Anthropic.APIError);
  });
}

async function served(t: TestContext, kind: ProviderType) {
  const { mock } = await mockForTest(t);
  const base = { gemini: 'v1beta', bedrock: '' }[kind as string] ?? 'v1';
  const api_base = mock.url.replace(/v1$/, base);
  const provider_params = { project: 'p' };
  const one = provider('p', { provider_type: kind, api_base, provider_params });
  const gateway = gatewayForTest(t, [one]);
  const origin = await serveGateway(t, gateway);
  const options = { apiKey: 'sk-test', maxRetries: 0 };
  return {
    openai: new OpenAI({ ...options, baseURL: `${origin}/v1` }),
    anthropic: new Anthropic({ ...options, baseURL: origin }),
    lastUsage: () => recordsOf(gateway).at(-1)?.usage,
  };
}
