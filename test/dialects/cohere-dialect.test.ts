import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rerank } from '../../src/dialects/cohere/dialects.js';
import { AnswerKeeper } from '../../src/proxy/answer/answer-keeper.js';

test('a reranking’s tokens are those that Jina and vLLM report', () => {
  const cases: [answer: string, promptTokens: number | null][] = [
    ['{"results":[],"usage":{"total_tokens":815}}', 815],
    ['{"usage":{"prompt_tokens":8,"total_tokens":9}}', 8],
    ['{"meta":{"billed_units":{"search_units":0}}}', null],
    ['{"usage":{"total_tokens":-1}}', null],
    ['{"usage":{}}', null],
  ];
  for (const [text, promptTokens] of cases) {
    const answer = new AnswerKeeper();
    answer.add(Buffer.from(text));
    const expected = promptTokens === null ? null : { promptTokens, completionTokens: 0 };
    assert.deepEqual(rerank.readUsage(answer), expected, text);
  }
});
