import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConversationDialect } from '../../src/dialects/conversation.js';
import { translate } from './translating.js';

/** More than can be the arguments of one call. */
const many = 130_000;
const parts = (part: object) => Array.from({ length: many }, () => part);

const ways: readonly [ConversationDialect, ConversationDialect][] = [
  ['openai.chat', 'anthropic.messages'],
  ['openai.chat', 'gemini.generate'],
  ['openai.chat', 'bedrock.converse'],
  ['openai.responses', 'openai.chat'],
];

test('a message may have any number of parts, whatever it is translated to', () => {
  // Two messages of one author, whose parts translation puts into one.
  const chat = {
    model: 'asked',
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'a' }] },
      { role: 'user', content: parts({ type: 'text', text: 'b' }) },
    ],
  };
  const responses = {
    model: 'asked',
    input: [
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'a' }] },
      { type: 'message', role: 'user', content: parts({ type: 'input_text', text: 'b' }) },
    ],
  };
  for (const [client, provider] of ways) {
    const body = client === 'openai.chat' ? chat : responses;
    const { sent } = translate(client, provider, body, { maxOutputTokens: 10 });
    assert.equal(JSON.stringify(sent).split('"b"').length - 1, many, `${client} → ${provider}`);
  }
});
