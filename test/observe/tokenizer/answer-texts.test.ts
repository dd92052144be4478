import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonAnswerTexts, streamAnswerTexts } from '../../../src/observe/tokenizer/answer-texts.js';

test('all texts of the model are found in an answer', () => {
  const call = { name: 'f', arguments: '{"a":1}' };
  const choices = [
    { message: { role: 'assistant', content: 'one', reasoning_content: 'why' } },
    { message: { content: null, tool_calls: [{ function: call }, { function: call }] } },
    { message: { refusal: 'no', function_call: call } },
    { text: 'legacy' },
  ];
  assert.deepEqual(jsonAnswerTexts({ choices }), [
    ...['one', 'why'],
    ...['f', '{"a":1}', 'f', '{"a":1}'],
    ...['no', 'f', '{"a":1}'],
    'legacy',
  ]);
  for (const other of [{ data: [{ embedding: [1] }] }, null, 3, { choices: [null, 1] }]) {
    assert.deepEqual(jsonAnswerTexts(other), []);
  }
});

test('the parts of Gemini’s candidates are found, and joined over a stream', () => {
  const answer = (parts: object[]) => ({ candidates: [{ content: { parts } }] });
  const call = { functionCall: { name: 'f', args: { a: 1 } } };
  assert.deepEqual(jsonAnswerTexts(answer([{ text: 'one' }, call])), ['one', 'f', '{"a":1}']);
  const events = [answer([{ text: 'Hel' }]), answer([{ text: 'lo' }]), answer([call])];
  const stream = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
  assert.deepEqual(streamAnswerTexts(Buffer.from(stream)), ['Hello', 'f', '{"a":1}']);
});

test('a stream is joined by choice and by tool, whatever its line ends', () => {
  for (const newline of ['\n', '\r\n', '\r']) {
    const stream = [
      delta(0, { role: 'assistant', content: '' }),
      delta(0, { content: 'Hel' }),
      delta(1, { content: 'Sa' }),
      ': a comment',
      delta(0, { content: 'lo' }),
      delta(1, { content: 'lut' }),
      delta(0, { tool_calls: [{ index: 1, function: { name: 'f', arguments: '' } }] }),
      delta(0, { tool_calls: [{ index: 1, function: { arguments: '{"a' } }] }),
      delta(0, { tool_calls: [{ index: 1, function: { arguments: '":1}' } }] }),
      'data: {"choices":[{"index":2,"text":"old"}]}',
      'data: [DONE]',
    ].join(newline + newline);
    assert.deepEqual(streamAnswerTexts(Buffer.from(stream)), [
      'Hello',
      'Salut',
      'f',
      '{"a":1}',
      'old',
    ]);
  }
});

test('a stream cut anywhere gives the delivered texts', () => {
  const words = ['The', ' cat', ' sat', '.'];
  const stream = words.map((content) => `${delta(0, { content })}\n\n`).join('');
  fc.assert(
    fc.property(fc.nat(stream.length), (end) => {
      const [text = ''] = streamAnswerTexts(Buffer.from(stream.slice(0, end)));
      assert.ok('The cat sat.'.startsWith(text));
    }),
  );
});

function delta(index: number, message: object): string {
  return `data: ${JSON.stringify({ choices: [{ index, delta: message }] })}`;
}

test('the texts of messages and responses are found, whole and streamed', () => {
  const text = { type: 'text', text: 'Hello' };
  const call = { type: 'tool_use', name: 'f', input: { a: 1 } };
  assert.deepEqual(jsonAnswerTexts({ content: [text, call] }), ['Hello', 'f', '{"a":1}']);
  const output = [
    { type: 'reasoning', summary: [{ text: 'Hm' }] },
    { type: 'message', content: [{ text: 'Hello' }] },
    { type: 'function_call', name: 'f', arguments: '{}' },
  ];
  assert.deepEqual(jsonAnswerTexts({ output }), ['Hm', 'Hello', 'f', '{}']);
  const events = [
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hel' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'lo' } },
    { type: 'content_block_start', index: 1, content_block: { type: 'tool_use', name: 'f' } },
    { type: 'content_block_delta', index: 1, delta: { partial_json: '{}' } },
    { type: 'response.output_text.delta', output_index: 2, delta: 'Sal' },
    { type: 'response.output_text.delta', output_index: 2, delta: 'ut' },
  ];
  const stream = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
  assert.deepEqual(streamAnswerTexts(Buffer.from(stream)), ['Hello', 'f', '{}', 'Salut']);
});
