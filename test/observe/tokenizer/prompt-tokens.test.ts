import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get_encoding } from 'tiktoken';
import { promptTokens } from '../../../src/observe/tokenizer/prompt-tokens.js';

const dialogue = [
  [
    'system',
    undefined,
    'You are a helpful, pattern-following assistant that translates corporate jargon into plain English.',
  ],
  ['system', 'example_user', 'New synergies will help drive top-line growth.'],
  ['system', 'example_assistant', 'Things working well together will increase revenue.'],
  [
    'system',
    'example_user',
    "Let's circle back when we have more bandwidth to touch base on opportunities for deeper leverage.",
  ],
  ['system', 'example_assistant', "Let's talk later when we're less busy about how to do better."],
  [
    'user',
    undefined,
    "This late pivot means we don't have time to boil the ocean for the client deliverable.",
  ],
].map(([role, name, content]) => ({ role, name, content }));

const tools = [
  {
    type: 'function',
    function: {
      name: 'get_current_weather',
      description: 'Get the current weather in a given location',
      parameters: {
        type: 'object',
        properties: {
          location: {
            type: 'string',
            description: 'The city and state, e.g. San Francisco, CA',
          },
          unit: {
            type: 'string',
            description: 'The unit of temperature to return',
            enum: ['celsius', 'fahrenheit'],
          },
        },
        required: ['location'],
      },
    },
  },
];
const weather = [
  {
    role: 'system',
    content: 'You are a helpful assistant that can answer to questions about the weather.',
  },
  { role: 'user', content: "What's the weather like in San Francisco?" },
];

test("messages count as in the example of the cookbook, confirmed by OpenAI's API", () => {
  assert.equal(promptTokens({ messages: dialogue }, 'gpt-4'), 129);
  assert.equal(promptTokens({ messages: dialogue }, 'gpt-3.5-turbo'), 129);
  assert.equal(promptTokens({ messages: dialogue }, 'gpt-4o'), 124);
});

test("tools count as in the example of the cookbook, confirmed by OpenAI's API", () => {
  assert.equal(promptTokens({ messages: weather, tools }, 'gpt-4'), 105);
  assert.equal(promptTokens({ messages: weather, tools }, 'gpt-3.5-turbo'), 105);
  assert.equal(promptTokens({ messages: weather, tools }, 'gpt-4o'), 101);
  assert.equal(promptTokens({ messages: weather, tools }, 'gpt-4o-mini'), 101);
});

test('input items of a response and a system text count as messages do', () => {
  const chat = promptTokens({ messages: dialogue }, 'gpt-4o');
  assert.equal(promptTokens({ input: dialogue }, 'gpt-4o'), chat);
  const more = promptTokens({ messages: dialogue, system: 'Hello' }, 'gpt-4o') - chat;
  assert.equal(more, 4);
  assert.equal(promptTokens({ input: dialogue, instructions: 'Hello' }, 'gpt-4o') - chat, 4);
  assert.equal(promptTokens({ input: [[1, 2, 3]] }, 'gpt-4o'), 3);
});

test('legacy functions count like tools, including nested properties', () => {
  const functions = tools.map((tool) => tool.function);
  assert.equal(promptTokens({ messages: weather, functions }, 'gpt-4o'), 101);
  const parameters = (inner: object) => ({
    messages: weather,
    tools: [{ function: { name: 'f', parameters: { properties: { list: inner } } } }],
  });
  const flat = promptTokens(parameters({ type: 'array' }), 'gpt-4o');
  const deep = { type: 'array', items: { properties: { unit: { enum: ['a', 'b'] } } } };
  assert.ok(promptTokens(parameters(deep), 'gpt-4o') > flat);
});

test('the parts of a message count: texts, and images by their detail', () => {
  const one = (content: unknown) =>
    promptTokens({ messages: [{ role: 'user', content }] }, 'gpt-4o');
  const text = one('look at this');
  assert.equal(one([{ type: 'text', text: 'look at this' }]), text);
  const image = (detail: string) => [
    { type: 'text', text: 'look at this' },
    { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail } },
  ];
  assert.equal(one(image('low')), text + 85);
  assert.equal(one(image('high')), text + 765);
  assert.equal(one(image('auto')), text + 765);
});

test('calls of tools in earlier messages count', () => {
  const message = (call: object) => ({ messages: [{ role: 'assistant', content: null, ...call }] });
  const called = { name: 'get_weather', arguments: '{"city":"Bern"}' };
  const without = promptTokens(message({}), 'gpt-4o');
  const withTool = promptTokens(message({ tool_calls: [{ id: 'x', function: called }] }), 'gpt-4o');
  assert.ok(withTool > without + 5);
  assert.equal(promptTokens(message({ function_call: called }), 'gpt-4o'), withTool);
});

test('prompts and inputs count in each of their forms', () => {
  const encoder = get_encoding('cl100k_base');
  const length = (text: string) => encoder.encode_ordinary(text).length;
  const model = 'text-embedding-3-small';
  const texts = ['tiktoken is great!', 'and so is this'];
  const both = length(texts[0] ?? '') + length(texts[1] ?? '');
  assert.equal(promptTokens({ input: texts[0] }, model), 6);
  assert.equal(promptTokens({ input: texts }, model), both);
  assert.equal(promptTokens({ prompt: texts }, model), both);
  assert.equal(promptTokens({ prompt: texts[0], suffix: texts[1] }, model), both);
  assert.equal(promptTokens({ input: [1, 2, 3] }, model), 3);
  assert.equal(promptTokens({ input: [[1, 2, 3], [4]] }, model), 4);
  encoder.free();
});

test('contents of Gemini’s API count as messages do', () => {
  const parts = [{ text: 'How many tokens?' }];
  const asChat = { messages: [{ content: 'How many tokens?' }, { content: parts }] };
  const asGemini = { systemInstruction: { parts }, contents: [{ parts }] };
  assert.equal(promptTokens(asGemini, 'm'), promptTokens(asChat, 'm'));
  assert.ok(promptTokens(asGemini, 'm') > 12);
});

test('a request of unexpected shape counts the texts that it has', () => {
  assert.equal(promptTokens({}, 'm'), 0);
  assert.equal(promptTokens({ messages: [null, 7, 'x', { content: 3 }] }, 'm'), 3 + 4 * 3);
  assert.equal(
    promptTokens({ messages: [], tools: [null, { function: { parameters: 1 } }] }, 'm'),
    31,
  );
  assert.equal(promptTokens({ input: { a: 1 } }, 'm'), 0);
});
