import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesNamedIn } from '../../../src/dialects/openai/named-files.js';
import { chat, hi, translate } from '../translating.js';

const named = (body: unknown) =>
  filesNamedIn(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));

test('files of messages, input items and tools are found, with their places', () => {
  const file = (id: string) => ({ type: 'file', file: { file_id: id } });
  const input = (id: string) => ({ type: 'input_file', file_id: id });
  const chatBody = {
    messages: [hi, { role: 'user', content: [{ type: 'text' }, file('file-1')] }],
  };
  assert.deepEqual(named(chatBody), [
    { id: 'file-1', param: 'messages[1].content[1].file.file_id' },
  ]);
  const items = [
    { role: 'user', content: [input('file-2'), { type: 'input_image', file_id: 'file-3' }] },
    { type: 'function_call_output', output: [input('file-4')] },
  ];
  const tools = [
    { type: 'file_search', vector_store_ids: ['vs_1', 'vs_2'] },
    { type: 'code_interpreter', container: { type: 'auto', file_ids: ['file-5'] } },
  ];
  assert.deepEqual(named({ input: items, tools }), [
    { id: 'file-2', param: 'input[0].content[0].file_id' },
    { id: 'file-3', param: 'input[0].content[1].file_id' },
    { id: 'file-4', param: 'input[1].output[0].file_id' },
    { id: 'vs_1', param: 'tools[0].vector_store_ids[0]' },
    { id: 'vs_2', param: 'tools[0].vector_store_ids[1]' },
    { id: 'file-5', param: 'tools[1].container.file_ids[0]' },
  ]);
});

test('the mere words name no file, in texts, arguments or odd shapes', () => {
  for (const body of [
    chat({ role: 'user', content: 'what is a "file_id": "file-1"?' }),
    { input: [{ type: 'function_call', arguments: '{"file_id":"file-1"}' }] },
    { input: 'file_id', tools: [{ parameters: { properties: { file_id: { type: 'string' } } } }] },
    { messages: [null, { content: [null, 1, { file: null, file_id: 7 }] }], tools: [null, 1] },
    { messages: 'file_id', input: { file_id: 'x' }, tools: { vector_store_ids: ['x'] } },
    { tools: [{ container: 'cntr_1' }, { vector_store_ids: 'vs_1' }], x: 'file_id' },
    ['file_id'],
    '{"file_id',
  ]) {
    assert.deepEqual(named(body), [], JSON.stringify(body));
  }
});

test('no id of a file is translated into another maker’s API', () => {
  const source = { type: 'file', file_id: 'file_1' };
  const document = { type: 'document', source };
  const messages = {
    max_tokens: 5,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }, document] }],
  };
  const result = { type: 'tool_result', tool_use_id: 'a', content: [document] };
  const use = { type: 'tool_use', id: 'a', name: 'look', input: {} };
  const inResult = {
    max_tokens: 5,
    messages: [hi, { role: 'assistant', content: [use] }, { role: 'user', content: [result] }],
  };
  for (const provider of [
    'openai.chat',
    'openai.responses',
    'gemini.generate',
    'bedrock.converse',
  ] as const) {
    const { translation } = translate('anthropic.messages', provider, messages);
    const lost = translation.losses.find(({ kind }) => kind === 'rejected');
    assert.equal(lost?.field, 'messages[0]', provider);
    assert.match(lost.reason, /by the id of a file/);
    const inner = translate('anthropic.messages', provider, inResult).lost;
    assert.ok(inner.includes('messages[2] rejected'), provider);
  }
  const own = chat({ role: 'user', content: [{ type: 'file', file: { file_id: 'file-1' } }] });
  assert.ok(
    translate('openai.chat', 'anthropic.messages', own).lost.includes('messages[0] rejected'),
  );
  const { sent, lost } = translate('openai.chat', 'openai.responses', own);
  assert.deepEqual(lost, []);
  assert.equal(sent.input[0].content[0].file_id, 'file-1');
});

test('escaped letters hide no file, and other escapes are not read', () => {
  const file = '{"messages":[{"content":[{"file":{"FILE":"file-1"}}]}]}';
  for (const name of ['file\\u005fid', '\\u0066ile_id', 'f\\u0069le_id', 'fi\\u006Ce_id']) {
    const [found] = named(file.replace('FILE', name));
    assert.deepEqual(found, { id: 'file-1', param: 'messages[0].content[0].file.file_id' }, name);
  }
  assert.deepEqual(named('{"messages":[{"content":"caf\\u00e9 00"}]}'), []);
});
