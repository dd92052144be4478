import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import type OpenAI from 'openai';
import { exampleOf } from '../../src/mock-provider/tool-call.js';
import { say } from './mock-for-test.js';
import { mockWithClient } from './mock-with-client.js';

const parameters = {
  type: 'object',
  properties: {
    city: { type: 'string', minLength: 6 },
    unit: { enum: ['celsius', 'kelvin'] },
    days: { type: 'integer', minimum: 2, maximum: 5 },
  },
  required: ['city', 'unit', 'days'],
  additionalProperties: false,
};
const tools: OpenAI.ChatCompletionTool[] = ['weather', 'forecast'].map((name) => ({
  type: 'function',
  function: { name, parameters },
}));

test('calls the first tool with arguments that its schema allows', async (t) => {
  const { client } = await mockWithClient(t);
  const answer = await client.chat.completions.create({
    model: 'gpt-4o',
    messages: say('hi'),
    tools,
  });
  const choice = answer.choices[0];
  assert.equal(choice?.finish_reason, 'tool_calls');
  assert.equal(choice.message.content, null);
  const call = choice.message.tool_calls?.[0];
  assert.ok(call?.type === 'function');
  assert.equal(call.function.name, 'weather');
  assert.ok(new Ajv().validate(parameters, JSON.parse(call.function.arguments)));
});

test('streams the call of the chosen tool in pieces', async (t) => {
  const { client } = await mockWithClient(t);
  const stream = client.chat.completions.stream({
    model: 'gpt-4o',
    messages: say('hi'),
    tools,
    tool_choice: { type: 'function', function: { name: 'forecast' } },
  });
  const call = (await stream.finalMessage()).tool_calls?.[0];
  assert.ok(call?.type === 'function');
  assert.equal(call.function.name, 'forecast');
  assert.ok(new Ajv().validate(parameters, JSON.parse(call.function.arguments)));
});

test('answers with text after the result of a tool, or when calls are forbidden', async (t) => {
  const { client } = await mockWithClient(t);
  const afterResult = await client.chat.completions.create({
    model: 'gpt-4o',
    tools,
    messages: [
      ...say('hi'),
      {
        role: 'assistant',
        tool_calls: [
          { id: 'call_mock', type: 'function', function: { name: 'weather', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_mock', content: 'sunny' },
    ],
  });
  assert.equal(afterResult.choices[0]?.finish_reason, 'stop');
  const forbidden = await client.chat.completions.create({
    model: 'gpt-4o',
    messages: say('hi'),
    tools,
    tool_choice: 'none',
  });
  assert.equal(forbidden.choices[0]?.finish_reason, 'stop');
});

test('finds an example for the usual kinds of schema', () => {
  const tree = {
    type: 'object',
    properties: { child: { $ref: '#' }, name: { type: 'string' } },
    required: ['name'],
  };
  const schemas: object[] = [
    {},
    tree,
    { type: ['string', 'null'] },
    { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
    { type: 'integer', maximum: -3 },
    { type: 'integer', multipleOf: 5, minimum: 7 },
    { type: 'array', items: { type: 'boolean' }, minItems: 2 },
    { anyOf: [{ type: 'null' }, { type: 'string' }] },
    { type: 'object', properties: { a: { const: 1 }, b: { enum: ['x'] } }, required: ['a', 'b'] },
    { $ref: '#/$defs/id', $defs: { id: { type: 'string', maxLength: 2 } } },
  ];
  for (const schema of schemas) {
    const example = exampleOf(schema);
    assert.ok(new Ajv({ allowUnionTypes: true }).validate(schema, example), JSON.stringify(schema));
  }
});
