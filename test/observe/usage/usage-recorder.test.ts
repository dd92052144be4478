import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noClasses } from '../../../src/dialects/usage.js';
import type { GatewayEvent } from '../../../src/observe/event.js';
import { Tokenizer } from '../../../src/observe/tokenizer/tokenizer.js';
import {
  type ChargeFor,
  createUsageRecorder,
  withoutText,
} from '../../../src/observe/usage/usage-recorder.js';
import type { UsageRow } from '../../../src/observe/usage/usage-row.js';
import { chatText } from '../tokenizer/chat-text.js';
import { finished } from './finished.js';

const reported = { promptTokens: 5, completionTokens: 6 };
const charge = { cost: 7, currency: 'USD', priceRevision: 'operator:1' } as const;
/** Every answered request costs the same, but for those of one model, which has no price. */
const chargeFor: ChargeFor = ({ status, model }, usage) => {
  if (status >= 400 && usage === null) return undefined;
  return model === 'unpriced' ? null : charge;
};
const uncounted = chatText('hi', [
  JSON.stringify({ choices: [{ message: { content: 'hello there' } }] }),
]);

test('reported usage is stored and emitted', async () => {
  const { rows, events } = await record([finished({ usage: reported, uncounted })]);
  assert.deepEqual([rows[0]?.prompt_tokens, rows[0]?.completion_tokens], [5, 6]);
  assert.equal(rows[0]?.usage_source, 'provider');
  assert.deepEqual([rows[0]?.cost_nano, rows[0]?.price_revision], [7, 'operator:1']);
  assert.deepEqual(events, [
    {
      type: 'usage_counted',
      requestId: 'req-1',
      model: 'gpt-4',
      provider: 'main',
      usage: reported,
      source: 'provider',
    },
    { type: 'request_charged', requestId: 'req-1', model: 'gpt-4', provider: 'main', charge },
  ]);
});

test('unreported usage is counted first, and marked as estimated', async () => {
  const { rows, events } = await record([finished({ uncounted })]);
  assert.deepEqual([rows[0]?.prompt_tokens, rows[0]?.completion_tokens], [8, 2]);
  assert.equal(rows[0]?.usage_source, 'estimated');
  const [event] = events;
  assert.ok(event?.type === 'usage_counted');
  assert.deepEqual(event.usage, { promptTokens: 8, completionTokens: 2 });
  assert.equal(event.source, 'estimated');
});

test('the provider’s tools are charged beside the tokens that are counted', async () => {
  const tools = { ...noClasses, searches: 2 };
  const { events } = await record([finished({ uncounted: { ...uncounted, tools } })]);
  const [event] = events;
  assert.ok(event?.type === 'usage_counted');
  const { promptTokens, completionTokens, classes } = event.usage;
  assert.deepEqual([promptTokens, completionTokens, classes?.searches], [8, 2, 2]);
});

test('a request with an error or without an answer has a row without tokens', async () => {
  const { rows, events } = await record([
    finished({ status: 404, error: 'model_not_found', provider: null }),
    finished({ status: 500 }),
  ]);
  assert.deepEqual(
    rows.map((row) => [row.status, row.prompt_tokens, row.usage_source]),
    [
      [404, null, null],
      [500, null, null],
    ],
  );
  assert.deepEqual(events, []);
});

test('a model without a price has no cost, and is named', async () => {
  const { rows, events } = await record([finished({ usage: reported, model: 'unpriced' })]);
  assert.deepEqual([rows[0]?.cost_nano, rows[0]?.currency], [null, null]);
  const told = events.at(-1);
  assert.ok(told?.type === 'request_charged');
  assert.equal(told.charge, null);
});

test('a client that left before the answer is charged for its prompt, as an estimate', async () => {
  const { rows } = await record([
    finished({ status: 499, uncounted: { ...uncounted, answer: [] } }),
  ]);
  assert.deepEqual([rows[0]?.prompt_tokens, rows[0]?.completion_tokens], [8, 0]);
  assert.deepEqual([rows[0]?.usage_source, rows[0]?.cost_nano], ['estimated', 7]);
});

test('an answer that a policy refused is charged as far as it has come', async () => {
  const { rows } = await record([finished({ status: 400, error: 'guardrail_blocked', uncounted })]);
  assert.deepEqual([rows[0]?.prompt_tokens, rows[0]?.completion_tokens], [8, 2]);
  assert.equal(rows[0]?.usage_source, 'estimated');
});

test('tokens are emitted also for a request without a row', async () => {
  const { rows, events } = await record([finished({ credential: null, usage: reported })]);
  assert.equal(rows.length, 0);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['usage_counted', 'request_charged'],
  );
});

test('the text of a request is passed to nobody else', () => {
  const body = { bytes: Buffer.from('hi'), totalBytes: 2 };
  const bodies = { request: body, response: body };
  for (const text of [{ uncounted }, { bodies }, { uncounted, bodies }]) {
    assert.deepEqual(withoutText(finished(text)), finished());
  }
});

async function record(finishedRequests: ReturnType<typeof finished>[]) {
  const rows: UsageRow[] = [];
  const events: GatewayEvent[] = [];
  const queue = { add: (row: UsageRow) => void rows.push(row), close: async () => {} };
  const recorder = createUsageRecorder(queue, new Tokenizer(), chargeFor, (event) =>
    events.push(event),
  );
  for (const event of finishedRequests) recorder.record(event);
  await recorder.close(10_000);
  return { rows, events };
}
