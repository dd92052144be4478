import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messages } from '../../src/dialects/anthropic/dialects.js';
import type { Dialect } from '../../src/dialects/dialect.js';
import { readResponsesAnswer } from '../../src/dialects/openai/responses-answer.js';
import { responses } from '../../src/dialects/openai/responses-dialect.js';
import type { ToolUse } from '../../src/dialects/usage.js';
import { AnswerKeeper } from '../../src/proxy/answer/answer-keeper.js';

const usage = { input_tokens: 328, output_tokens: 356, total_tokens: 684 };
const picture = (id: string, status = 'completed') => ({
  ...{ id, type: 'image_generation_call', status, result: 'aGk=' },
});
const code = (id: string, container_id: string) => ({
  ...{ id, type: 'code_interpreter_call', status: 'completed', container_id, code: '1+1' },
});
const tool_usage = {
  image_gen: { input_tokens: 50, output_tokens: 4_160, total_tokens: 4_210 },
  web_search: { num_requests: 0 },
};

function kept(text: string): AnswerKeeper {
  const answer = new AnswerKeeper();
  answer.add(Buffer.from(text));
  return answer;
}

function streamed(events: readonly object[]): string {
  return events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
}

const done = (item: object) => ({ type: 'response.output_item.done', output_index: 0, item });

test('pictures of a response’s tool, their tokens, and containers of code are charged', () => {
  const output = [
    ...[picture('ig_1'), picture('ig_2', 'failed')],
    ...[code('ci_1', 'cntr_1'), code('ci_2', 'cntr_1'), code('ci_3', 'cntr_2')],
  ];
  const whole = {
    id: 'resp_1',
    object: 'response',
    status: 'completed',
    output,
    usage,
    tool_usage,
  };
  const stream = streamed([
    ...output.map(done),
    { type: 'response.completed', response: { ...whole, output: [] } },
  ]);
  const translated = readResponsesAnswer(Buffer.from(JSON.stringify(whole))).usage;
  for (const text of [JSON.stringify(whole), stream]) {
    const read = responses.readUsage(kept(text));
    const { promptTokens, completionTokens, classes } = read ?? assert.fail();
    assert.deepEqual([promptTokens, completionTokens], [328 + 50, 356 + 4_160]);
    for (const each of [classes, translated]) {
      const { imageInput, imageOutput, images, containers, input, output } = each ?? assert.fail();
      assert.deepEqual([input, output, imageInput, imageOutput], [328, 356, 50, 4_160]);
      assert.deepEqual([images, containers], [1, 2]);
    }
  }
});

test('a call of the client’s own function is none of them', () => {
  const call = { id: 'fc_1', type: 'function_call', name: 'image_generation_call', call_id: 'c' };
  const whole = { id: 'resp_1', status: 'completed', output: [call], usage };
  const read = responses.readUsage(kept(JSON.stringify(whole)));
  assert.deepEqual(read, { promptTokens: 328, completionTokens: 356 });
});

test('the tools that ran before a client left are known', () => {
  const found = ({ readToolUse }: Dialect, events: readonly object[]): ToolUse | null =>
    readToolUse?.(kept(streamed(events))) ?? null;
  const search = { id: 'ws_1', type: 'web_search_call', action: { type: 'search' } };
  const files = { id: 'fs_1', type: 'file_search_call', queries: ['q'] };
  const cut = [...[search, files, picture('ig_1'), code('ci_1', 'cntr_1')].map(done)];
  const { searches, fileSearches, images, containers } = found(responses, cut) ?? assert.fail();
  assert.deepEqual([searches, fileSearches, images, containers], [1, 1, 1, 1]);
  const text = { type: 'response.output_text.delta', delta: '"web_search_call"' };
  assert.equal(found(responses, [text]), null);
  const block = (name: string, type = 'server_tool_use') => ({
    type: 'content_block_start',
    index: 0,
    content_block: { type, id: `srvtoolu_${name}`, name, input: {} },
  });
  const claude = [block('web_search'), block('web_search'), block('web_fetch')];
  assert.equal(found(messages, claude)?.searches, 2);
  assert.equal(found(messages, [block('web_search', 'tool_use')]), null);
});
