import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Guardrail } from '../../src/config/rows/guardrail.js';
import { buildSnapshot } from '../../src/routing/snapshot.js';
import { credential } from '../config/configuration-for-test.js';
import { servedWithKeys } from '../proxy/cache/cached-for-test.js';
import type { Answer } from '../support/upstream.js';
import {
  type ClientDialect,
  clientDialects,
  guarded,
  guardrail,
  pathOf,
  post,
  requestIn,
  streamIn,
} from './guarded.js';

const email = 'alice@example.com';
const names = guardrail('names', 'regex', {
  patterns: [{ name: 'project', pattern: 'Project-X' }],
});

/** Sends these pieces of a stream one after the other, and then ends it, or breaks it off. */
const played =
  (pieces: readonly (Buffer | string)[], isCut = false): Answer =>
  async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const piece of pieces) {
      response.write(piece);
      await pause(50);
    }
    if (isCut) response.destroy();
    else response.end();
  };

async function streamed(
  t: TestContext,
  rows: Guardrail[],
  client: ClientDialect,
  spoken: ClientDialect,
  answer: Answer,
) {
  const { origin, last } = await guarded(t, rows, spoken, answer);
  const asked = requestIn(client, 'hi', true);
  return { ...(await post(origin, pathOf(client, true), asked)), last };
}

/** Events of a stream of Anthropic's. */
const messageEvent = (data: { type: string }) =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
const started = messageEvent({
  ...{ type: 'message_start' },
  message: { id: 'a1', role: 'assistant', content: [], usage: { input_tokens: 1 } },
} as { type: string });
const text = (text: string, index = 0) =>
  [
    { type: 'content_block_start', index, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index, delta: { type: 'text_delta', text } },
    { type: 'content_block_stop', index },
  ]
    .map(messageEvent)
    .join('');
const toolBegun = (index: number) => {
  const call = { type: 'tool_use', id: 't1', name: 'f', input: {} };
  const start = { type: 'content_block_start', index, content_block: call };
  return messageEvent(start);
};

for (const client of clientDialects) {
  for (const spoken of clientDialects) {
    test(`a refusal at the end of a stream is told: ${client} over ${spoken}`, async (t) => {
      const pieces = ['Some long and harmless text. ', 'It is Project-X that matters.'];
      const events = streamIn(spoken, pieces).toString();
      const second = events.indexOf('It is');
      const cut = Math.max(
        events.lastIndexOf('event:', second),
        events.lastIndexOf('\n\n', second) + 2,
      );
      // The rest arrives at once: the provider's stream is over before the refusal.
      const parts = [events.slice(0, cut), events.slice(cut)];
      const {
        text: told,
        status,
        whole,
        last,
      } = await streamed(...[t, [names], client, spoken, played(parts)]);
      assert.equal(status, 200, told);
      assert.match(told, /harmless/);
      assert.match(told, /The guardrail \\?"names\\?" does not allow this answer/);
      assert.ok(!told.includes('Project-X'), told);
      assert.ok(whole);
      assert.equal(last()?.error, 'guardrail_blocked');
      assert.equal(last()?.complete, false);
    });
  }
}

test('the event of a refusal does not repeat the refused text', async (t) => {
  const answer = played([started + text('harmless'), text('It is Project-X.', 1) + toolBegun(2)]);
  const { text: told } = await streamed(
    t,
    [names],
    'openai.responses',
    'anthropic.messages',
    answer,
  );
  assert.match(told, /does not allow this answer/);
  assert.ok(!told.includes('Project-X'), told);
});

test('the event of a stream that broke does not repeat a replaced text', async (t) => {
  const answer = played([started, text(`Write to ${email}.`) + toolBegun(1)], true);
  const rows = [guardrail('pii', 'pii')];
  const { text: told } = await streamed(t, rows, 'openai.responses', 'anthropic.messages', answer);
  assert.match(told, /\[EMAIL_1\]/);
  assert.match(told, /event: error/);
  assert.ok(!told.includes(email), told);
});

test('an error of the provider is told though the text before it waits', async (t) => {
  const failed =
    'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n';
  const begun = text('Hello').split('event: content_block_stop')[0] as string;
  for (const client of clientDialects) {
    const answer = played([started + begun, failed]);
    const rows = [guardrail('pii', 'pii')];
    const { text: told, last } = await streamed(t, rows, client, 'anthropic.messages', answer);
    assert.match(told, /busy/, `${client}: ${told}`);
    assert.equal(last()?.complete, false, client);
  }
});

test('the stored answer ends with the refusal that the client got', async (t) => {
  const events = streamIn('openai.chat', ['harmless ', 'Project-X'])
    .toString()
    .split(/(?<=\n\n)/);
  const keys = [credential('sk-a', { store_bodies: true })];
  const { chat, gateway, rows, last } = await servedWithKeys(t, played(events), keys);
  gateway.snapshot = buildSnapshot({ ...rows, guardrails: [names] }, 'guarded');
  const { body } = await chat({ model: 'm', stream: true, messages: [] }, { key: 'sk-a' });
  assert.match(body.toString(), /does not allow this answer/);
  assert.equal(String(last()?.bodies?.response.bytes), body.toString());
});
