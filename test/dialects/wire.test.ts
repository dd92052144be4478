import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeFrame } from '../../src/dialects/bedrock/event-stream.js';
import { codecs } from '../../src/dialects/codecs.js';
import type { ConversationAnswer, ConversationDialect } from '../../src/dialects/conversation.js';
import { readStream } from './streams.js';

/** Streams as the providers themselves send them. */
function read(dialect: ConversationDialect, events: readonly object[]): ConversationAnswer {
  const data = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
  const answer = readStream(codecs[dialect], Buffer.from(data), []);
  assert.ok(answer);
  return answer;
}

/** Blocks in short. */
function brief(answer: ConversationAnswer): unknown[] {
  return answer.content.map((block) => {
    if (block.type === 'tool_call') return [block.id, block.name, block.input];
    if (block.type === 'reasoning')
      return ['reasoning', block.text, block.seal?.slot, block.seal?.data];
    return block.type === 'unknown'
      ? ['unknown', block.name]
      : [block.type, 'text' in block && block.text];
  });
}

function chunk(delta: object, finish_reason: string | null = null, more: object = {}) {
  const choices = [{ index: 0, delta, finish_reason, logprobs: null }];
  return { id: 'chatcmpl-1', object: 'chat.completion.chunk', model: 'm', choices, ...more };
}

test('chat: Azure begins with filters, DeepSeek with thoughts, usage comes without choices', () => {
  const answer = read('openai.chat', [
    { id: '', model: '', choices: [], prompt_filter_results: [{ prompt_index: 0 }] },
    chunk({ role: 'assistant', content: null, reasoning_content: 'let me ' }),
    chunk({ reasoning_content: 'see' }),
    chunk({ content: 'It is ', reasoning_content: null }, null, { obfuscation: 'x' }),
    chunk({ content: 'warm.' }),
    chunk({ content: '' }, 'stop'),
    {
      id: 'chatcmpl-1',
      choices: [],
      usage: { prompt_tokens: 9, completion_tokens: 4, prompt_cache_hit_tokens: 3 },
    },
  ]);
  assert.deepEqual(brief(answer), [
    ['reasoning', 'let me see', undefined, undefined],
    ['text', 'It is warm.'],
  ]);
  assert.deepEqual([answer.usage?.input, answer.usage?.cacheRead, answer.usage?.output], [6, 3, 4]);
  assert.equal(answer.id, 'chatcmpl-1');
});

test('chat: calls that come whole, without index or all with the index 0', () => {
  const call = (id: string, args: string) => ({
    id,
    type: 'function',
    function: { name: 'look', arguments: args },
  });
  const whole = [chunk({ tool_calls: [call('a', '{"x":1}'), call('b', '{}')] }, 'tool_calls')];
  const calls = [
    ['a', 'look', '{"x":1}'],
    ['b', 'look', '{}'],
  ];
  assert.deepEqual(brief(read('openai.chat', whole)), calls);
  const zero = [
    chunk({ tool_calls: [{ index: 0, ...call('a', '{"x":1}') }] }),
    chunk({ tool_calls: [{ index: 0, ...call('b', '') }] }, 'tool_calls'),
  ];
  assert.deepEqual(brief(read('openai.chat', zero)), calls);
});

test('chat: OpenRouter’s details of reasoning, and its error within a choice', () => {
  const details = (...reasoning_details: object[]) =>
    chunk({ reasoning: 'same', reasoning_details });
  const answer = read('openai.chat', [
    details({ type: 'reasoning.text', text: 'hm', index: 0 }),
    details({ type: 'reasoning.text', text: '', signature: 'sig', index: 0 }),
    details({ type: 'reasoning.encrypted', data: 'enc', id: 'rs_1', index: 1 }),
    chunk({ content: 'x' }, 'stop'),
  ]);
  assert.deepEqual(brief(answer), [
    ['reasoning', 'hm', 'signature', 'sig'],
    ['reasoning', '', 'encrypted', 'enc'],
    ['text', 'x'],
  ]);
  assert.equal(
    read('openai.chat', [chunk({ content: 'x' }), chunk({}, 'error')]).error?.status,
    502,
  );
});

test('responses: summaries in parts, hosted tools as unknown blocks, usage in the last event', () => {
  const item = (output_index: number, type: string, fields: object) => ({
    type,
    output_index,
    ...fields,
  });
  const search = { id: 'ws_1', type: 'web_search_call', status: 'completed' };
  const reasoning = { id: 'rs_1', type: 'reasoning', summary: [] };
  const delta = (summary_index: number, text: string) =>
    item(0, 'response.reasoning_summary_text.delta', {
      item_id: 'rs_1',
      summary_index,
      delta: text,
    });
  const answer = read('openai.responses', [
    { type: 'response.created', response: { id: 'resp_1', model: 'm', status: 'in_progress' } },
    item(0, 'response.output_item.added', { item: reasoning }),
    delta(0, 'first'),
    delta(1, 'second'),
    item(0, 'response.output_item.done', { item: { ...reasoning, encrypted_content: 'enc' } }),
    item(1, 'response.output_item.added', { item: { ...search, status: 'in_progress' } }),
    { type: 'response.web_search_call.searching', output_index: 1 },
    item(1, 'response.output_item.done', { item: search }),
    item(2, 'response.output_item.added', {
      item: { id: 'm', type: 'message', role: 'assistant', content: [] },
    }),
    item(2, 'response.content_part.added', {
      content_index: 0,
      part: { type: 'output_text', text: '' },
    }),
    item(2, 'response.output_text.delta', { content_index: 0, delta: 'hi' }),
    item(2, 'response.content_part.done', {
      content_index: 0,
      part: { type: 'output_text', text: 'hi' },
    }),
    item(2, 'response.output_item.done', { item: { id: 'm', type: 'message', content: [] } }),
    {
      type: 'response.completed',
      response: { status: 'completed', usage: { input_tokens: 5, output_tokens: 3 } },
    },
  ]);
  assert.deepEqual(brief(answer), [
    ['reasoning', 'first\n\nsecond', 'encrypted', 'enc'],
    ['unknown', 'web_search_call'],
    ['text', 'hi'],
  ]);
  assert.deepEqual([answer.id, answer.finish.reason, answer.usage?.output], ['resp_1', 'stop', 3]);
});

test('messages: pings, a call without arguments, redacted thoughts, a server’s own tool', () => {
  const block = (index: number, content_block: object, ...deltas: object[]) => [
    { type: 'content_block_start', index, content_block },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
  const usage = {
    input_tokens: 25,
    output_tokens: 1,
    cache_creation: { ephemeral_1h_input_tokens: 4 },
  };
  const answer = read('anthropic.messages', [
    {
      type: 'message_start',
      message: { id: 'msg_1', model: 'c', usage: { ...usage, cache_creation_input_tokens: 6 } },
    },
    { type: 'ping' },
    ...block(0, { type: 'redacted_thinking', data: 'red' }),
    ...block(
      1,
      { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
      { type: 'input_json_delta', partial_json: '{"q":1}' },
    ),
    ...block(
      2,
      { type: 'tool_use', id: 't', name: 'look', input: {} },
      { type: 'input_json_delta', partial_json: '' },
    ),
    {
      type: 'message_delta',
      delta: { stop_reason: 'tool_use', stop_sequence: null },
      usage: { output_tokens: 15 },
    },
    { type: 'message_stop' },
  ]);
  assert.deepEqual(brief(answer), [
    ['reasoning', '', 'redacted', 'red'],
    ['unknown', 'server_tool_use'],
    ['t', 'look', '{}'],
  ]);
  const { cacheWrite5m, cacheWrite1h, input, output } = answer.usage ?? {};
  assert.deepEqual([input, output, cacheWrite5m, cacheWrite1h], [25, 15, 2, 4]);
});

function candidate(parts: object[], finishReason?: string) {
  return {
    candidates: [{ content: { role: 'model', parts }, finishReason, index: 0 }],
    responseId: 'r',
    modelVersion: 'g',
  };
}

test('generate: thoughts, a signed call and an unsigned one, text in pieces, usage at the end', () => {
  const answer = read('gemini.generate', [
    candidate([{ text: 'thin', thought: true }]),
    candidate([{ text: 'king', thought: true }]),
    candidate([{ text: 'It is ' }]),
    candidate([{ text: 'warm.' }]),
    candidate([
      { functionCall: { name: 'look', args: { a: 1 } }, thoughtSignature: 'sig' },
      { functionCall: { name: 'look', args: {} } },
    ]),
    {
      ...candidate([{ text: '' }], 'STOP'),
      usageMetadata: { promptTokenCount: 8, candidatesTokenCount: 4, thoughtsTokenCount: 3 },
    },
  ]);
  const [thought, text, seal, first, second] = brief(answer) as string[][];
  assert.deepEqual(thought, ['reasoning', 'thinking', undefined, undefined]);
  assert.deepEqual(
    [text, seal],
    [
      ['text', 'It is warm.'],
      ['reasoning', '', 'call', 'sig'],
    ],
  );
  assert.deepEqual(
    [first?.slice(1), second?.slice(1)],
    [
      ['look', '{"a":1}'],
      ['look', '{}'],
    ],
  );
  assert.notEqual(first?.[0], second?.[0]);
  assert.equal(answer.finish.reason, 'tool_calls');
  assert.deepEqual([answer.usage?.output, answer.usage?.reasoning], [7, 3]);
});

test('generate: a prompt that was blocked is a content filter', () => {
  const answer = read('gemini.generate', [
    { promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } },
  ]);
  assert.deepEqual([answer.finish.reason, answer.content], ['content_filter', []]);
});

test('converse: blocks that begin without being announced, padding, an exception', () => {
  const event = (type: string, payload: object) =>
    writeFrame('event', type, JSON.stringify({ ...payload, p: 'abcdef' }));
  const begun = [
    event('messageStart', { role: 'assistant' }),
    event('contentBlockDelta', { delta: { text: 'hi' }, contentBlockIndex: 0 }),
    event('contentBlockStop', { contentBlockIndex: 0 }),
  ];
  const whole = [
    ...begun,
    event('contentBlockStart', {
      start: { toolUse: { toolUseId: 't', name: 'look' } },
      contentBlockIndex: 1,
    }),
    event('contentBlockStop', { contentBlockIndex: 1 }),
    event('messageStop', { stopReason: 'tool_use' }),
    event('metadata', { usage: { inputTokens: 3, outputTokens: 2 }, metrics: { latencyMs: 9 } }),
  ];
  const answer = readStream(codecs['bedrock.converse'], Buffer.concat(whole), []);
  assert.ok(answer);
  assert.deepEqual(brief(answer), [
    ['text', 'hi'],
    ['t', 'look', '{}'],
  ]);
  assert.equal(answer.usage?.input, 3);
  const thrown = writeFrame('exception', 'throttlingException', '{"message":"Slow."}');
  const broken = readStream(codecs['bedrock.converse'], Buffer.concat([...begun, thrown]), []);
  assert.deepEqual([broken?.error?.kind, broken?.error?.message], ['rate_limit', 'Slow.']);
});
