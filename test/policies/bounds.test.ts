import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Moderation } from '../../src/policies/guardrails/moderation.js';
import { Report } from '../../src/policies/guardrails/report.js';
import type { Call } from '../../src/policies/policy.js';
import { startUpstream } from '../support/upstream.js';
import { answers, guarded, guardrail, pathOf, post } from './guarded.js';

const chat = pathOf('openai.chat', false);
const asking = (...texts: string[]) =>
  JSON.stringify({ model: 'm', messages: texts.map((content) => ({ role: 'user', content })) });

test('the gravest verdict is told, whichever came first', () => {
  const order = ['passed', 'would_edit', 'edited', 'would_refuse', 'error', 'refused'] as const;
  for (const [index, graver] of order.entries()) {
    for (const other of order.slice(0, index)) {
      for (const told of [
        [graver, other],
        [other, graver],
      ] as const) {
        const report = new Report(guardrail('g', 'webhook'), 'request');
        for (const verdict of told) report.tell(verdict);
        assert.equal(report.outcome.verdict, graver, told.join());
      }
    }
  }
});

test('a prompt may have as many characters and messages as its size allows', async (t) => {
  const rows = [guardrail('size', 'size', { max_prompt_chars: 6, max_messages: 2 })];
  const { origin } = await guarded(t, rows, 'openai.chat', answers('openai.chat', ['ok']));
  const statusOf = async (...texts: string[]) =>
    (await post(origin, chat, asking(...texts))).status;
  assert.equal(await statusOf('abc', 'def'), 200);
  assert.equal(await statusOf('abc', 'defg'), 400);
  assert.equal(await statusOf('a', 'b', 'c'), 400);
});

test('a webhook that answers 429 is asked again', async (t) => {
  let times = 0;
  const hook = await startUpstream(t, (_, response) => {
    if (times++ === 0) response.writeHead(429).end();
    else response.writeHead(200).end('{"verdict":"pass"}');
  });
  const config = { url: hook.url, retries: 1, timeout_ms: 5_000 };
  const rows = [guardrail('ours', 'webhook', config, { phases: ['request'] })];
  const { origin } = await guarded(t, rows, 'openai.chat', answers('openai.chat', ['ok']));
  assert.equal((await post(origin, chat, asking('hi'))).status, 200);
  assert.equal(times, 2);
});

test('a score equal to the threshold counts', async () => {
  const moderation = new Moderation(guardrail('m', 'moderation', { model: 'x', threshold: 0.5 }));
  const scored = (score: number) => {
    const results = [{ flagged: false, category_scores: { hate: score } }];
    const call = {
      services: {
        slot: async () => () => {},
        unlessFailing: (_: string, ask: () => unknown) => ask(),
        ask: async () => ({ status: 200, body: Buffer.from(JSON.stringify({ results })) }),
      },
    };
    const texts = [{ at: '', text: 'hi', kind: 'text' as const }];
    return moderation.check(call as object as Call, { phase: 'request', texts });
  };
  assert.equal((await scored(0.49)).verdict, 'pass');
  assert.equal((await scored(0.5)).verdict, 'refuse');
});
