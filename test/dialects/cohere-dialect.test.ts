import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noQuirks } from '../../src/dialects/codec.js';
import { cohereChatCodec } from '../../src/dialects/cohere/chat-codec.js';
import { rerank } from '../../src/dialects/cohere/dialects.js';
import { chatCodec } from '../../src/dialects/openai/chat-codec.js';
import { AnswerKeeper } from '../../src/proxy/answer/answer-keeper.js';

test('a reranking’s tokens are those that Jina and vLLM report', () => {
  const cases: [answer: string, promptTokens: number | null][] = [
    ['{"results":[],"usage":{"total_tokens":815}}', 815],
    ['{"usage":{"prompt_tokens":8,"total_tokens":9}}', 8],
    ['{"meta":{"billed_units":{"search_units":0}}}', null],
    ['{"usage":{"total_tokens":-1}}', null],
    ['{"usage":{}}', null],
  ];
  for (const [text, promptTokens] of cases) {
    const answer = new AnswerKeeper();
    answer.add(Buffer.from(text));
    const expected = promptTokens === null ? null : { promptTokens, completionTokens: 0 };
    assert.deepEqual(rerank.readUsage(answer), expected, text);
  }
});

test('a forced tool is the only one that is sent, by a name that Cohere takes', () => {
  const tools = ['weather.today', 'other'].map((name) => ({
    type: 'function',
    function: { name },
  }));
  const sent = (tool_choice: unknown) => {
    const body = { messages: [{ role: 'user', content: 'hi' }], tools, tool_choice };
    const place = { model: 'm', stream: false };
    const request = chatCodec.readRequest(Buffer.from(JSON.stringify(body)), place);
    const target = { model: 'm', maxOutputTokens: null, quirks: noQuirks };
    const written = cohereChatCodec.writeRequest(request, target);
    const { tools: given, tool_choice: choice } = JSON.parse(written.body.toString());
    const names = given.map((tool: { function: { name: string } }) => tool.function.name);
    return [choice, names, written.losses.map(({ field }) => field)];
  };
  const [dotted, other] = ['weather_today_b9f903e2', 'other'];
  const chosen = { type: 'function', function: { name: 'weather.today' } };
  const allowed = (mode: string) => ({
    type: 'allowed_tools',
    allowed_tools: { mode, tools: [chosen] },
  });
  assert.deepEqual(sent('auto'), [undefined, [dotted, other], []]);
  assert.deepEqual(sent('none'), ['NONE', [dotted, other], []]);
  assert.deepEqual(sent('required'), ['REQUIRED', [dotted, other], []]);
  assert.deepEqual(sent(chosen), ['REQUIRED', [dotted], ['toolChoice']]);
  assert.deepEqual(sent(allowed('auto')), [undefined, [dotted], ['toolChoice']]);
  assert.deepEqual(sent(allowed('required')), ['REQUIRED', [dotted], ['toolChoice']]);
});
