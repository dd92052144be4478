import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countTokens } from '../../../src/observe/tokenizer/count-tokens.js';
import { estimateByBytes } from '../../../src/observe/tokenizer/estimate-by-bytes.js';
import { chatText } from './chat-text.js';

const event = (content: string) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;

test('prompt and completion of a chat are counted, streamed or not', () => {
  const whole = JSON.stringify({ choices: [{ message: { content: 'hello there' } }] });
  assert.deepEqual(countTokens(chatText('hi', [whole]), 'gpt-4o'), {
    promptTokens: 8,
    completionTokens: 2,
  });
  const stream = [event('hello'), event(' there'), 'data: [DONE]\n\n'];
  assert.equal(countTokens(chatText('hi', stream), 'gpt-4o').completionTokens, 2);
});

test('a character that is split between two pieces of an answer is not broken', () => {
  const bytes = Buffer.from(event('天地'));
  const pieces = [...bytes].map((byte) => Buffer.of(byte));
  const text = chatText('hi', pieces);
  assert.deepEqual(countTokens(text, 'm'), countTokens(chatText('hi', [bytes]), 'm'));
});

test('nothing delivered counts nothing', () => {
  assert.equal(countTokens(chatText('hi', []), 'gpt-4o').completionTokens, 0);
});

test('an unreadable answer is estimated by its bytes, without base64', () => {
  const broken = '{"choices":[{"message":{"content":"hello the';
  assert.equal(countTokens(chatText('hi', [broken]), 'm').completionTokens, broken.length / 4);
  const image = `{"url":"data:image/png;base64,${'A'.repeat(4_000)}"}`;
  const { promptTokens } = estimateByBytes({ ...chatText('', []), request: Buffer.from(image) });
  assert.ok(promptTokens < 20);
});

test('an estimate by bytes counts each event of a stream as a token', () => {
  const stream = [event('a'), event('b'), 'data: [DONE]\n\n'];
  assert.equal(estimateByBytes(chatText('hi', stream)).completionTokens, 2);
  const embeddings = { ...chatText('hi', ['x'.repeat(400)]), operation: 'embedding' as const };
  assert.equal(estimateByBytes(embeddings).completionTokens, 0);
});

test('omitted parts of a long answer count like the kept ones', () => {
  const kept = event('hello there');
  const text = { ...chatText('hi', [kept]), truncated: true, answerBytes: 10 * kept.length };
  assert.equal(countTokens(text, 'gpt-4o').completionTokens, 20);
  assert.equal(estimateByBytes(text).completionTokens, 10);
});
