import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realtimeMessages } from '../../../src/dialects/openai/realtime-session.js';

const begun = () => realtimeMessages.follow({ onResponse: () => {}, onUsage: () => {} });
const event = (type: string, more: object = {}) => Buffer.from(JSON.stringify({ type, ...more }));
const usage = {
  input_tokens: 10,
  output_tokens: 6,
  total_tokens: 16,
  input_token_details: { text_tokens: 3, audio_tokens: 7, cached_tokens: 0 },
  output_token_details: { text_tokens: 2, audio_tokens: 4 },
};

test('a session sums the usage of its responses and transcriptions, by class', () => {
  const session = begun();
  assert.equal(begun().usage, null);
  session.push(event('response.done', { response: { usage } }));
  session.push(event('response.done', { response: { usage } }));
  session.push(event('conversation.item.input_audio_transcription.completed', { usage }));
  session.push(event('response.output_text.delta', { delta: '"response.done"', usage }));
  session.push(event('response.done', { response: { usage: null } }));
  session.push(Buffer.from('"response.done"'));
  const summed = session.usage ?? assert.fail();
  assert.equal(summed.promptTokens, 30);
  assert.equal(summed.completionTokens, 18);
  assert.equal(summed.classes?.audioInput, 21);
  assert.equal(summed.classes?.audioOutput, 12);
});

test('a response is under way from its creation to its end', () => {
  const session = begun();
  assert.equal(session.isResponding, false);
  session.push(event('response.created'));
  assert.equal(session.isResponding, true);
  session.push(event('response.output_text.delta'));
  assert.equal(session.isResponding, true);
  session.push(event('response.done', { response: {} }));
  assert.equal(session.isResponding, false);
});
