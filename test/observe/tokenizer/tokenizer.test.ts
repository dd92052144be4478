import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countTokens } from '../../../src/observe/tokenizer/count-tokens.js';
import { estimateByBytes } from '../../../src/observe/tokenizer/estimate-by-bytes.js';
import { Tokenizer } from '../../../src/observe/tokenizer/tokenizer.js';
import { chatText } from './chat-text.js';

const answer = JSON.stringify({ choices: [{ message: { content: 'hello there' } }] });
const prose = 'It was a bright cold day in April, and the clocks were striking thirteen. ';

test('the thread counts texts exactly as the counting function does', async (t) => {
  const tokenizer = new Tokenizer();
  t.after(() => tokenizer.close());
  const texts = ['hi', prose, ''].map((message) => chatText(message, [answer]));
  const counts = await Promise.all(texts.map((text) => tokenizer.count(text, 'gpt-4o')));
  assert.deepEqual(
    counts,
    texts.map((text) => countTokens(text, 'gpt-4o')),
  );
  assert.equal(tokenizer.depth, 0);
  assert.equal(tokenizer.estimatedByBytes, 0);
});

test('a text crafted to be slow is counted, and so is the next one', async (t) => {
  const failures: string[] = [];
  const tokenizer = new Tokenizer({ onFailure: (reason) => failures.push(reason) });
  t.after(() => tokenizer.close());
  const slow = tokenizer.count(chatText('a'.repeat(100_000), [answer]), 'gpt-4');
  const next = tokenizer.count(chatText('hi', [answer]), 'gpt-4');
  assert.ok(Math.abs((await slow).promptTokens - 12_508) < 500);
  assert.deepEqual(await next, { promptTokens: 8, completionTokens: 2 });
  assert.deepEqual(failures, []);
});

test('a stuck thread is ended, its text estimated, and the next one counted', async (t) => {
  const failures: string[] = [];
  const tokenizer = new Tokenizer({ timeoutMs: 1, onFailure: (reason) => failures.push(reason) });
  t.after(() => tokenizer.close());
  const text = chatText(prose.repeat(10_000), [answer]);
  assert.deepEqual(await tokenizer.count(text, 'gpt-4o'), estimateByBytes(text));
  assert.deepEqual(failures, ['no count within 1 ms']);
  assert.equal(tokenizer.estimatedByBytes, 1);

  const patient = new Tokenizer();
  t.after(() => patient.close());
  assert.deepEqual(await patient.count(text, 'gpt-4o'), countTokens(text, 'gpt-4o'));
});

test('a text is estimated at once when the queue is full', async (t) => {
  const tokenizer = new Tokenizer({ maxQueued: 1 });
  t.after(() => tokenizer.close());
  const texts = ['one', 'two', 'three', 'four'].map((word) => chatText(word.repeat(9), [answer]));
  const counts = await Promise.all(texts.map((text) => tokenizer.count(text, 'm')));
  assert.equal(tokenizer.estimatedByBytes, 2);
  assert.deepEqual(counts.slice(2), texts.slice(2).map(estimateByBytes));

  const narrow = new Tokenizer({ maxQueuedBytes: 10 });
  t.after(() => narrow.close());
  await narrow.count(chatText('more than ten bytes', []), 'm');
  assert.equal(narrow.estimatedByBytes, 1);
});

test('texts not counted at the end are estimated', async () => {
  const tokenizer = new Tokenizer();
  const texts = ['one', 'two'].map((word) => chatText(word, [answer]));
  const counts = texts.map((text) => tokenizer.count(text, 'm'));
  await tokenizer.close();
  assert.deepEqual(await Promise.all(counts), texts.map(estimateByBytes));
  const late = chatText('late', []);
  assert.deepEqual(await tokenizer.count(late, 'm'), estimateByBytes(late));
});
