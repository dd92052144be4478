import assert from 'node:assert/strict';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, Output, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

const { GATEWAY_URL: url, GATEWAY_KEY: apiKey, GATEWAY_MODELS: models = '' } = process.env;

const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey });
const anthropic = createAnthropic({ baseURL: `${url}/v1`, apiKey });
const google = createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey });

/** Each way of the SDK to a model. */
const ways = {
  responses: (name) => openai(name),
  chat: (name) => openai.chat(name),
  messages: (name) => anthropic(name),
  gemini: (name) => google(name),
};

const checks = {
  async answer(model) {
    const { text, usage } = await generateText({ model, prompt: 'hi', maxRetries: 0 });
    assert.ok(text);
    assert.ok(usage.outputTokens > 0);
  },
  async stream(model) {
    const result = streamText({ model, prompt: 'hi', maxRetries: 0 });
    let text = '';
    for await (const piece of result.textStream) text += piece;
    assert.ok(text);
    assert.equal(await result.finishReason, 'stop');
  },
  async tools(model) {
    let calls = 0;
    const weather = tool({
      description: 'Weather',
      inputSchema: z.object({ city: z.string() }),
      execute: async () => {
        calls++;
        return 'sunny';
      },
    });
    const { text } = await generateText({
      model,
      prompt: 'hi',
      tools: { weather },
      stopWhen: stepCountIs(3),
      maxRetries: 0,
    });
    assert.equal(calls, 1);
    assert.ok(text);
  },
  async structured(model) {
    const schema = z.object({ name: z.string(), age: z.number() });
    const output = Output.object({ schema });
    const result = await generateText({ model, prompt: 'hi', output, maxRetries: 0 });
    assert.equal(typeof result.output.name, 'string');
  },
};

const print = (line) => process.stdout.write(`${line}\n`);
let failed = 0;
for (const name of models.split(',')) {
  for (const [way, open] of Object.entries(ways)) {
    for (const [check, act] of Object.entries(checks)) {
      try {
        await act(open(name));
        print(`ok ${check} ${way} ${name}`);
      } catch (error) {
        failed++;
        const { message, responseBody = '' } = error;
        print(
          `failed ${check} ${way} ${name}: ${`${message} ${responseBody}`.slice(0, 500).replace(/\s+/g, ' ')}`,
        );
      }
    }
  }
}
process.exit(failed === 0 ? 0 : 1);
