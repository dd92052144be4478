import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../src/dialects/conversation.js';
import type { TokenCountCodec } from '../../src/dialects/token-count/codec.js';
import { tokenCountCodecs } from '../../src/dialects/token-count/codecs.js';
import { estimateTokens } from '../../src/dialects/token-count/estimate.js';
import { readCounted } from '../../src/dialects/token-count/translate.js';
import { translateOver } from '../../src/dialects/translate/way.js';
import { GatewayError } from '../../src/errors.js';

const codecs = Object.values(tokenCountCodecs);
const anthropic = tokenCountCodecs['anthropic.count_tokens'];
const gemini = tokenCountCodecs['gemini.count_tokens'];
const openai = tokenCountCodecs['openai.input_tokens'];

const schema = { type: 'object', properties: { city: { type: 'string' } } };
const tool = { name: 'weather', description: 'Looks it up' };
/** The same prompt in each dialect, with settings that are no part of it. */
const prompts: Readonly<Record<string, JsonObject>> = {
  'anthropic.count_tokens': {
    model: 'asked',
    system: 'Be brief.',
    messages: [{ role: 'user', content: 'Is it raining?' }],
    tools: [{ ...tool, input_schema: schema }],
    thinking: { type: 'enabled', budget_tokens: 20_000 },
    temperature: 0.5,
    max_tokens: 10,
    metadata: { user_id: 'u' },
  },
  'openai.input_tokens': {
    model: 'asked',
    instructions: 'Be brief.',
    input: 'Is it raining?',
    tools: [{ type: 'function', ...tool, parameters: schema }],
    reasoning: { effort: 'high' },
    temperature: 2,
    user: 'u',
  },
  'gemini.count_tokens': {
    generateContentRequest: {
      model: 'models/asked',
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      contents: [{ role: 'user', parts: [{ text: 'Is it raining?' }] }],
      tools: [{ functionDeclarations: [{ ...tool, parametersJsonSchema: schema }] }],
      generationConfig: { temperature: 2, maxOutputTokens: 10, seed: 1 },
    },
  },
};

function counted(client: TokenCountCodec, provider: TokenCountCodec, body: object) {
  const quirks = { shortToolIds: false, oldMaxTokens: false, noStreamOptions: false };
  const target = { model: 'claude-x', maxOutputTokens: null, quirks };
  const request = { body: Buffer.from(JSON.stringify(body)), model: 'asked', stream: false };
  const way = { operation: 'token_count', client, provider, target } as const;
  return translateOver(way, request, { conversation: null });
}

for (const client of codecs) {
  for (const provider of codecs.filter((codec) => codec !== client)) {
    test(`${client.dialect} → ${provider.dialect}: the prompt, nothing else, and its count`, () => {
      const way = counted(client, provider, prompts[client.dialect] ?? {});
      assert.deepEqual(way.losses, [], 'settings that no token counts for are no loss');
      const sent = way.body.toString();
      for (const part of ['Be brief.', 'Is it raining?', '"weather"', 'Looks it up', '"city"']) {
        assert.ok(sent.includes(part), `${part} in ${sent}`);
      }
      for (const name of [
        'max',
        'temperature',
        'thinking',
        'reasoning',
        'store',
        'stream',
        '"u"',
      ]) {
        assert.ok(!sent.includes(name), `${name} in ${sent}`);
      }
      const given = provider.writeCount(41);
      const { body } = way.answer(Buffer.from(given)) as { body: string };
      assert.equal(client.readCount(Buffer.from(body)), 41);
      assert.throws(() => way.stream());
    });
  }
}

test('each asks in its own shape', () => {
  const body = prompts['anthropic.count_tokens'] ?? {};
  const asGemini = JSON.parse(counted(anthropic, gemini, body).body.toString());
  assert.deepEqual(Object.keys(asGemini), ['generateContentRequest']);
  assert.equal(asGemini.generateContentRequest.model, 'models/claude-x');
  const asOpenai = JSON.parse(counted(anthropic, openai, body).body.toString());
  assert.deepEqual(Object.keys(asOpenai), ['model', 'input', 'instructions', 'tools']);
  const asAnthropic = JSON.parse(
    counted(gemini, anthropic, prompts['gemini.count_tokens'] ?? {}).body.toString(),
  );
  assert.deepEqual(Object.keys(asAnthropic), ['model', 'messages', 'system', 'tools']);
});

test('an answer without a count is the provider’s failure, an error keeps its status and text', () => {
  for (const client of codecs) {
    for (const provider of codecs.filter((codec) => codec !== client)) {
      const way = counted(client, provider, prompts[client.dialect] ?? {});
      const { dialect } = provider;
      const name = dialect === 'gemini.count_tokens' ? 'totalTokens' : 'input_tokens';
      for (const value of ['"41"', '-1', '1.5', 'null', '1e99']) {
        assert.throws(
          () => way.answer(Buffer.from(`{"${name}":${value}}`)),
          (error: unknown) =>
            error instanceof GatewayError &&
            error.code === 'upstream_failed' &&
            error.message.includes(name),
          `${name} ${value}`,
        );
      }
      assert.equal(client.readCount(Buffer.from(client.writeCount(0))), 0);
      const error = way.error(Buffer.from('{"error":{"message":"no such thing"}}'), 400);
      assert.equal(error.status, 400);
      assert.match(error.body, /no such thing/);
    }
  }
});

test('a request that Gemini would not know how to count is refused', () => {
  const contents = [{ parts: [{ text: 'hi' }] }];
  const bytes = (body: object) => Buffer.from(JSON.stringify(body));
  assert.throws(
    () => readCounted(gemini, bytes({ contents, generateContentRequest: { contents } }), 'm'),
    { code: 'invalid_request', param: 'contents' },
  );
  for (const body of [{ generateContentRequest: 1 }, { contents: 1 }, {}]) {
    assert.throws(() => readCounted(gemini, bytes(body), 'm'), { code: 'invalid_request' });
  }
  const snake = readCounted(gemini, bytes({ generate_content_request: { contents } }), 'm');
  assert.equal(snake.messages.length, 1);
});

test('an estimate grows with everything that is part of the prompt', () => {
  const estimate = (body: object) =>
    estimateTokens(readCounted(anthropic, Buffer.from(JSON.stringify(body)), 'm'));
  const said = (content: unknown) => ({ model: 'm', messages: [{ role: 'user', content }] });
  assert.equal(estimate(said('a'.repeat(400))), 104);
  assert.equal(estimate(said('é'.repeat(400))), 204, 'bytes count, not characters');
  const base = estimate(said('hello'));
  const png = { type: 'base64', media_type: 'image/png', data: 'A'.repeat(4_000) };
  const pdf = { type: 'base64', media_type: 'application/pdf', data: 'A'.repeat(400_000) };
  const plain = { type: 'text', media_type: 'text/plain', data: 'a'.repeat(40) };
  const block = (value: object) => said([{ type: 'text', text: 'hello' }, value]);
  assert.equal(estimate(block({ type: 'image', source: png })), base + 1_600);
  assert.equal(estimate(block({ type: 'document', source: pdf })), base + 6_000);
  assert.equal(estimate(block({ type: 'document', source: plain })), base + 10);
  const url = { type: 'url', url: 'https://example.com/a.pdf' };
  assert.equal(estimate(block({ type: 'document', source: url })), base + 1_600);
  assert.ok(estimate({ ...said('hello'), system: 'Be brief.' }) > base);
  const tools = [{ ...tool, input_schema: schema }];
  const bytes = Buffer.byteLength(`weatherLooks it up${JSON.stringify(schema)}`);
  assert.equal(estimate({ ...said('hell'), tools }), 4 + 4 + Math.ceil((4 + bytes) / 4));
  assert.ok(
    estimate({ ...said('hello'), tools: [{ type: 'web_search_1', name: 'w' }] }) > base + 4,
  );
  const format = { type: 'json_schema', schema };
  assert.ok(estimate({ ...said('hello'), output_config: { format } }) > base);
  const call = { type: 'tool_use', id: 'a', name: 'weather', input: { city: 'Bern' } };
  const result = { type: 'tool_result', tool_use_id: 'a', content: 'b'.repeat(400) };
  const turns = [
    ...said('hello').messages,
    { role: 'assistant', content: [call] },
    { role: 'user', content: [result] },
  ];
  assert.equal(
    estimate({ model: 'm', messages: turns }),
    12 + Math.ceil((5 + 'weather{"city":"Bern"}'.length + 400) / 4),
  );
});
