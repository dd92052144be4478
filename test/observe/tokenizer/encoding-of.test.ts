import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodingOf } from '../../../src/observe/tokenizer/encoding-of.js';

test('each model family has its encoding, and an unknown one gets the newest', () => {
  const newest = ['gpt-4o', 'gpt-4o-mini', 'chatgpt-4o-latest', 'gpt-4.1-nano', 'gpt-4.5-preview'];
  newest.push('gpt-5', 'gpt-5-mini', 'o1', 'o3-mini', 'o4-mini', 'claude-sonnet-4', 'llama-3', '');
  newest.push('openai/gpt-4o', 'ft:gpt-4o-mini:acme::1');
  for (const model of newest) assert.equal(encodingOf(model), 'o200k_base', model);
  const older = ['gpt-4', 'gpt-4-turbo', 'gpt-4-32k', 'gpt-3.5-turbo', 'gpt-35-turbo', 'GPT-4'];
  older.push('text-embedding-3-small', 'text-embedding-ada-002', 'ft:gpt-3.5-turbo:acme::1');
  older.push('openai/gpt-4', 'davinci-002');
  for (const model of older) assert.equal(encodingOf(model), 'cl100k_base', model);
});
