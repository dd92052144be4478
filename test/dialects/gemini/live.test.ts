import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveMessages } from '../../../src/dialects/gemini/live.js';

const message = (value: object) => Buffer.from(JSON.stringify(value));
const content = (text: string) => message({ serverContent: { modelTurn: { parts: [{ text }] } } });
const usageMetadata = {
  promptTokenCount: 522,
  responseTokenCount: 42,
  totalTokenCount: 564,
  promptTokensDetails: [
    { modality: 'TEXT', tokenCount: 332 },
    { modality: 'AUDIO', tokenCount: 165 },
  ],
  responseTokensDetails: [{ modality: 'AUDIO', tokenCount: 42 }],
  thoughtsTokenCount: 136,
};
const turnComplete = { serverContent: { turnComplete: true } };

function followed() {
  const seen: string[] = [];
  const session = liveMessages.follow({
    onResponse: () => seen.push('response'),
    onUsage: ({ promptTokens, completionTokens }) =>
      seen.push(`${promptTokens} ${completionTokens}`),
  });
  return { session, seen };
}

test('each turn of a live session is a response, whose last usage counts, by class', () => {
  const { session, seen } = followed();
  assert.equal(session.usage, null);
  session.push(message({ setupComplete: {} }));
  session.push(content('a'));
  assert.equal(session.isResponding, true);
  session.push(content('"turnComplete"'));
  session.push(message({ usageMetadata: { ...usageMetadata, responseTokenCount: 1 } }));
  assert.equal(session.isResponding, true);
  session.push(message({ ...turnComplete, usageMetadata }));
  assert.equal(session.isResponding, false);
  session.push(content('b'));
  session.push(message(turnComplete));
  session.push(message({ usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 2 } }));
  session.push(message({ usageMetadata: { promptTokenCount: -1 } }));
  session.push(Buffer.from('no JSON with "usageMetadata"'));
  assert.deepEqual(seen, ['response', '522 178', 'response', '1 2']);
  const { promptTokens, completionTokens, classes } = session.usage ?? assert.fail();
  assert.deepEqual([promptTokens, completionTokens], [523, 180]);
  const { input, audioInput, output, reasoning, audioOutput } = classes ?? assert.fail();
  assert.deepEqual([input, audioInput, output, reasoning, audioOutput], [358, 165, 138, 136, 42]);
});

test('a call of a tool ends a turn, and what follows its result is another one', () => {
  const { session, seen } = followed();
  const usage = { promptTokenCount: 5, responseTokenCount: 3 };
  session.push(message({ toolCall: { functionCalls: [] }, usageMetadata: usage }));
  assert.equal(session.isResponding, false);
  session.push(content('c'));
  session.push(message({ usageMetadata: usage }));
  assert.deepEqual(seen, ['response', '5 3', 'response']);
  assert.equal(session.usage?.promptTokens, 10, 'also of a turn that is cut');
});

test('the first message names the model, of which only that changes', () => {
  const setup = (text: string) => liveMessages.readSetup?.(Buffer.from(text)) ?? assert.fail();
  const names = ['live', 'models/live', 'publishers/google/models/live'];
  for (const name of [...names, 'projects/p/locations/l/publishers/google/models/live']) {
    const text = ` {"setup" : {"temperature":1.0, "model":"${name}"}}\n`;
    const { model, written } = setup(text);
    assert.equal(model, 'live');
    assert.equal(String(written('models/x"y')), text.replace(name, 'models/x\\"y'));
  }
  for (const text of [
    '',
    '{',
    '[]',
    '{"setup":{}}',
    '{"setup":{"model":7}}',
    '{"clientContent":{}}',
  ]) {
    assert.throws(() => setup(text), { name: 'GatewayError', status: 400 }, text);
  }
  assert.throws(() => setup('{"setup":{"Model":"m"}}'), { code: 'invalid_request' });
});
