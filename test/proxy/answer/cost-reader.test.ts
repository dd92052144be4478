import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chat } from '../../../src/dialects/openai/dialects.js';
import { usageInEvent } from '../../../src/dialects/openai/usage.js';
import { classesOf, type TokenUsage } from '../../../src/dialects/usage.js';
import { AnswerReader } from '../../../src/proxy/answer/answer-reader.js';
import { CostReader } from '../../../src/proxy/answer/cost-reader.js';
import { Attempt } from '../../../src/upstream/attempt.js';
import { cuts, pieces } from '../json-for-test.js';

const usage = '"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}';
const priced = usage.replace('10}', '10,"x-llmproxy-cost":"0.7-3-null"}');

/** Stands in for the price: shows what would be charged. */
const costOf = (of: TokenUsage) =>
  `0.${of.promptTokens}-${of.completionTokens}-${classesOf(of).tier}`;

function passed(
  whole: string | Buffer,
  at: readonly number[] = [],
  cost: (of: TokenUsage) => string | null = costOf,
): string {
  const attempt = new Attempt();
  attempt.stream = true;
  const reader = new CostReader(new AnswerReader(chat, attempt, false), usageInEvent, cost);
  let text = '';
  for (const piece of pieces(Buffer.from(whole), [...at])) {
    text += reader.push(piece);
    assert.equal(reader.atEventEnd, text === '' || /\n\r?\n$/.test(text), JSON.stringify(text));
  }
  return text + reader.flush();
}

test('a stream reports its cost in its usage, wherever it is cut, and is otherwise unchanged', () => {
  const rest = 'data: {"choices":[{"delta":{"content":"\\"usage\\":{}"}}],"usage":null}\n\n';
  const whole = `: hi\r\n\r\n${rest}data: {"choices":[],${usage}}\n\ndata: [DONE]\n\n`;
  fc.assert(
    fc.property(cuts, (at) => {
      assert.equal(passed(whole, at), whole.replace(usage, priced));
    }),
  );
});

test('every event with usage tells the cost by then, at the rate that it names', () => {
  const event = (tier: string) => `data: {"service_tier":"${tier}",${usage},"choices":[{}]}\n\n`;
  const whole = event('flex') + event('default');
  const [flex, standard] = [priced.replace('null', 'flex'), priced];
  const expected = event('flex').replace(usage, flex) + event('default').replace(usage, standard);
  assert.equal(passed(whole), expected);
});

test('usage without a known cost is passed on unchanged', () => {
  const whole = `data: {"choices":[],${usage}}\n\ndata: {"usage":{"x":1}}\n\n`;
  assert.equal(
    passed(whole, [], () => null),
    whole,
  );
});

test('the last event may lack its end', () => {
  assert.equal(passed(`data: {${usage}}`), `data: {${priced}}`);
});

test('an event that is too large to be one with usage does not wait for its end', () => {
  const attempt = new Attempt();
  attempt.stream = true;
  const reader = new CostReader(new AnswerReader(chat, attempt, false), usageInEvent, costOf);
  const large = `data: ${'x'.repeat(70_000)}`;
  assert.equal(String(reader.push(Buffer.from(large))), large);
  assert.equal(reader.atEventEnd, false);
  assert.equal(String(reader.push(Buffer.from('\n\n'))), '\n\n');
  assert.equal(reader.atEventEnd, true);
});
