import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startUpstream } from '../support/upstream.js';
import { guarded, guardrail, pathOf, post, requestIn } from './guarded.js';

/** A stream of chat deltas. */
function deltas(...all: object[]): string {
  const events = all.map((delta) => ({ choices: [{ index: 0, delta }] }));
  return `${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')}data: [DONE]\n\n`;
}

/** Asks for a stream that is said by the provider, under a guardrail for personal data. */
async function streaming(t: TestContext, said: () => string): Promise<() => Promise<string>> {
  const rows = [guardrail('pii', 'pii')];
  const { origin } = await guarded(t, rows, 'openai.chat', (_request, response) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(said()),
  );
  const body = requestIn('openai.chat', 'hi', true);
  return async () => (await post(origin, pathOf('openai.chat', true), body)).text;
}

test('texts of older and of other fields are checked over their pieces too', async (t) => {
  let said = '';
  const ask = await streaming(t, () => said);
  const fields: ((piece: string) => object)[] = [
    (piece) => ({ function_call: { arguments: piece } }),
    (piece) => ({ reasoning_details: [{ type: 'reasoning.text', text: piece }] }),
    (piece) => ({ reasoning_details: [{ type: 'reasoning.summary', summary: piece }] }),
  ];
  for (const field of fields) {
    said = deltas(field('"alice@exam'), field('ple.com" '), field('and'));
    assert.equal(await ask(), deltas(field('"[EMAIL_1]'), field('" '), field('and')));
  }
});

test('an event keeps its bytes unless something in it is replaced', async (t) => {
  let said = '';
  const ask = await streaming(t, () => said);
  const inLines = (text: string) =>
    [
      ...[': a comment', 'id: 7', 'event: x', 'data: {"choices":[{"index":0,'],
      `data:  "delta":{"content":"${text} "}}]}\r\n\r\ndata: [DONE]\n\n`,
    ].join('\n');
  said = inLines('fine');
  assert.equal(await ask(), said);
  said = inLines('to a@b.co');
  const json = '{"choices":[{"index":0,  "delta":{"content":"to [EMAIL_1] "}}]}';
  assert.equal(await ask(), `event: x\ndata: ${json}\n\ndata: [DONE]\n\n`);
});

test('a stream that breaks within an event tells its error apart from that, watched or not', async (t) => {
  const hook = await startUpstream(t, (_request, response) => response.end('{"verdict":"pass"}'));
  const rows = [guardrail('ours', 'webhook', { url: hook.url }, { mode: 'monitor' })];
  for (const own of [rows, []]) {
    const { origin } = await guarded(t, own, 'openai.chat', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`${deltas({ content: 'a' }).split('data: [DONE]')[0]}data: {"cho`);
      setTimeout(() => response.destroy(), 50);
    });
    const body = requestIn('openai.chat', 'hi', true);
    const { text } = await post(origin, pathOf('openai.chat', true), body);
    assert.match(text, /data: \{"cho\n\ndata: \{"error"/);
  }
});
