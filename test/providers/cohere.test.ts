import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noQuirks } from '../../src/dialects/codec.js';
import { codecs } from '../../src/dialects/codecs.js';
import { cohereChatCodec } from '../../src/dialects/cohere/chat-codec.js';
import { chat as cohereChat } from '../../src/dialects/cohere/dialects.js';
import { modelEndpoints } from '../../src/dialects/endpoints.js';
import { readConversation, Translator } from '../../src/dialects/translate/translator.js';
import { compileWires } from '../../src/routing/wire.js';
import { provider } from '../config/configuration-for-test.js';

const api_base = 'https://api.cohere.com';
const endpointAt = (pattern: string) =>
  modelEndpoints.find((each) => each.pattern === pattern) ?? assert.fail();

/** A body of chat as Cohere is sent it, and the way back. */
function translate(body: object) {
  const client = codecs['openai.chat'];
  const bytes = Buffer.from(
    JSON.stringify({ model: 'asked', messages: [{ role: 'user', content: 'hi' }], ...body }),
  );
  const request = readConversation(client, bytes, { model: 'asked', stream: null });
  const way = new Translator(client, cohereChatCodec, 'one', Buffer.alloc(32), null);
  const written = way.write(request, { model: 'command', maxOutputTokens: null, quirks: noQuirks });
  const lost = written.losses.map(({ kind, field }) => `${field} ${kind}`);
  return { written, sent: JSON.parse(written.body.toString()), lost };
}

const schema = { type: 'object', properties: { city: { type: 'string' } } };
const tools = [
  { type: 'function', function: { name: 'weather', description: 'd', parameters: schema } },
  { type: 'function', function: { name: 'time', parameters: schema } },
];

test('chat, embeddings and reranking have their paths, whatever version the address ends in', () => {
  for (const base of [api_base, `${api_base}/v2`, `${api_base}/v1/`]) {
    const wires = compileWires(provider('c', { provider_type: 'cohere', api_base: base }));
    const path = (pattern: string) => {
      const endpoint = endpointAt(pattern);
      return (wires.to(endpoint, 'm') ?? wires.translated(endpoint, 'm'))?.path;
    };
    assert.equal(path('/v1/chat/completions'), '/v2/chat');
    assert.equal(path('/v1/messages'), '/v2/chat');
    assert.equal(path('/v1/embeddings'), '/v2/embed');
    assert.equal(path('/v1/rerank'), '/v2/rerank');
    assert.equal(wires.to(endpointAt('/v2/rerank'), 'm')?.path, '/v2/rerank');
    assert.equal(wires.to(endpointAt('/v1/rerank'), 'm'), null, 'another shape');
    assert.equal(path('/v1/completions'), undefined);
    assert.deepEqual(wires.list.headers.slice(0, 2), ['authorization', 'Bearer sk-provider']);
    assert.equal(wires.list.path, '/v1/models');
  }
});

test('a conversation with tools is written in Cohere’s form', () => {
  const call = { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"a":1}' } };
  const image = { type: 'image_url', image_url: { url: 'https://x.example/a.png' } };
  const { sent, lost } = translate({
    messages: [
      { role: 'system', content: 'be kind' },
      { role: 'user', content: [{ type: 'text', text: 'hi' }, image] },
      { role: 'assistant', content: 'I look', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c1', content: 'sunny' },
      { role: 'assistant', content: 'sunny' },
    ],
    tools,
    tool_choice: 'required',
    temperature: 0.5,
    top_p: 0.9,
    max_completion_tokens: 7,
    stop: ['x'],
    seed: 3,
    frequency_penalty: 0.5,
    reasoning_effort: 'low',
  });
  assert.deepEqual(lost, []);
  assert.deepEqual(sent.messages, [
    { role: 'system', content: 'be kind' },
    { role: 'user', content: [{ type: 'text', text: 'hi' }, image] },
    { role: 'assistant', tool_plan: 'I look', tool_calls: [call] },
    { role: 'tool', tool_call_id: 'c1', content: 'sunny' },
    { role: 'assistant', content: 'sunny' },
  ]);
  assert.deepEqual(sent.tools[1].function, { name: 'time', parameters: schema });
  const { messages: _m, tools: _t, ...rest } = sent;
  assert.deepEqual(rest, {
    model: 'command',
    stream: false,
    tool_choice: 'REQUIRED',
    thinking: { type: 'enabled', token_budget: 2048 },
    max_tokens: 7,
    temperature: 0.5,
    p: 0.9,
    stop_sequences: ['x'],
    seed: 3,
    frequency_penalty: 0.5,
  });
});

test('fields that Cohere does not know are reported to the client, or refused', () => {
  const one = { type: 'function', function: { name: 'time' } };
  const { sent, lost } = translate({
    tools,
    tool_choice: one,
    temperature: 2,
    user: 'u',
    reasoning_effort: 'none',
    parallel_tool_calls: false,
  });
  assert.deepEqual(
    sent.tools.map((tool: typeof one) => tool.function.name),
    ['time'],
  );
  assert.deepEqual([sent.tool_choice, sent.temperature], ['REQUIRED', 1]);
  assert.deepEqual(sent.thinking, { type: 'disabled' });
  assert.deepEqual(lost.sort(), [
    'parallel_tool_calls dropped',
    'temperature approximated',
    'tool_choice approximated',
    'user dropped',
  ]);
  const audio = { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } };
  const refused = translate({ messages: [{ role: 'user', content: [audio] }] });
  assert.deepEqual(refused.lost, ['messages[0] rejected']);
});

test('a schema is asked for as such, or beside tools as one of them', () => {
  const json_schema = { name: 'n', schema };
  const response_format = { type: 'json_schema', json_schema };
  const { sent } = translate({ response_format });
  assert.deepEqual(sent.response_format, { type: 'json_object', json_schema: schema });
  const beside = translate({ response_format, tools });
  assert.equal(beside.sent.response_format, undefined);
  assert.equal(beside.sent.tools.length, 3);
});

const usage = {
  billed_units: { input_tokens: 1 },
  tokens: { input_tokens: 9, output_tokens: 4 },
  cached_tokens: 2,
};

test('a whole answer has its plan, thoughts, text, calls and usage', () => {
  const call = { id: 'c1', type: 'function', function: { name: 'weather', arguments: '' } };
  const given = {
    id: 'a1',
    finish_reason: 'TOOL_CALL',
    message: {
      role: 'assistant',
      tool_plan: 'I look.',
      content: [
        { type: 'thinking', thinking: 'hm' },
        { type: 'text', text: 'so' },
      ],
      tool_calls: [call],
    },
    usage,
  };
  const read = cohereChatCodec.readAnswer(Buffer.from(JSON.stringify(given)));
  assert.deepEqual(
    read.content.map((block) => [
      block.type,
      'text' in block ? block.text : 'input' in block && block.input,
    ]),
    [
      ['text', 'I look.'],
      ['reasoning', 'hm'],
      ['text', 'so'],
      ['tool_call', '{}'],
    ],
  );
  assert.deepEqual([read.usage?.input, read.usage?.cacheRead, read.usage?.output], [7, 2, 4]);
  const { written } = translate({});
  const told = written.answer(Buffer.from(JSON.stringify({ ...given, finish_reason: 'ERROR' })));
  assert.ok('error' in told && told.status >= 500);
  assert.throws(() => written.answer(Buffer.from('{"message":1}')), { code: 'upstream_failed' });
});

const stream = (events: readonly object[]) =>
  Buffer.from(
    events
      .map((each) => `event: ${(each as { type: string }).type}\ndata: ${JSON.stringify(each)}\n\n`)
      .join(''),
  );
const started = { type: 'message-start', id: 'a1', delta: { message: { role: 'assistant' } } };
const at = (type: string, index: number, message: object) => ({ type, index, delta: { message } });

test('a stream is translated as it arrives, cut at any byte', () => {
  const ended = { type: 'message-end', delta: { finish_reason: 'TOOL_CALL', usage } };
  const fn = (more: object) => ({ tool_calls: { id: 'c1', type: 'function', function: more } });
  const bytes = stream([
    started,
    { type: 'tool-plan-delta', delta: { message: { tool_plan: 'I lo' } } },
    { type: 'tool-plan-delta', delta: { message: { tool_plan: 'ok.' } } },
    at('tool-call-start', 0, fn({ name: 'weather', arguments: '' })),
    at('tool-call-delta', 0, { tool_calls: { function: { arguments: '{"city":' } } }),
    at('tool-call-delta', 0, { tool_calls: { function: { arguments: '"Bern"}' } } }),
    { type: 'tool-call-end', index: 0 },
    at('tool-call-start', 1, {
      tool_calls: { id: 'c2', type: 'function', function: { name: 'time', arguments: '' } },
    }),
    { type: 'tool-call-end', index: 1 },
    ended,
  ]);
  const seen = new Set<string>();
  for (const size of [1, 13, bytes.length]) {
    const pipe = translate({
      stream: true,
      stream_options: { include_usage: true },
    }).written.stream();
    let out = '';
    for (let from = 0; from < bytes.length; from += size)
      out += pipe.push(bytes.subarray(from, from + size));
    out += pipe.end();
    assert.equal(pipe.error, null);
    seen.add(out.replace(/"(id|created)":("chatcmpl[^"]*"|\d+)/g, ''));
  }
  assert.equal(seen.size, 1);
  const [told = ''] = seen;
  assert.match(told, /"content":"I lo"/);
  assert.match(told, /"name":"weather"/);
  assert.match(told, /\{\\"city\\":/);
  assert.match(told, /"name":"time".*\n*.*"arguments":"\{\}"/);
  assert.match(told, /"finish_reason":"tool_calls"/);
  assert.match(told, /"prompt_tokens":9/);
});

test('text and thoughts of a stream are blocks; a failure is an error, nonsense too', () => {
  const text = stream([
    started,
    at('content-start', 0, { content: { type: 'thinking', thinking: '' } }),
    at('content-delta', 0, { content: { thinking: 'hm' } }),
    { type: 'content-end', index: 0 },
    at('content-start', 1, { content: { type: 'text', text: '' } }),
    at('content-delta', 1, { content: { text: 'hi' } }),
    { type: 'content-end', index: 1 },
    { type: 'message-end', delta: { finish_reason: 'MAX_TOKENS' } },
  ]);
  const pipe = translate({ stream: true }).written.stream();
  const told = `${pipe.push(text)}${pipe.end()}`;
  assert.match(told, /"content":"hi"/);
  assert.match(told, /"finish_reason":"length"/);
  const failed = { type: 'message-end', delta: { finish_reason: 'ERROR', error: 'broke' } };
  const broken = translate({ stream: true }).written.stream();
  assert.match(`${broken.push(stream([started, failed]))}`, /"message":"broke"/);
  const wrong = translate({ stream: true }).written.stream();
  wrong.push(stream([at('content-delta', 5, { content: { text: 'x' } })]));
  assert.ok(wrong.error);
  const judge = (data: object) => cohereChat.judge({ event: '', data: JSON.stringify(data) });
  assert.equal(judge(started), 'waiting');
  assert.equal(judge(at('content-delta', 0, {})), 'content');
  assert.equal(judge(failed), 'error');
  assert.equal(cohereChat.errorIn(JSON.stringify(failed))?.body, '{"message":"broke"}');
});
