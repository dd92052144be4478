import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { judge } from '../../../src/dialects/openai/content.js';
import { FirstContent, type Verdict } from '../../../src/dialects/stream/first-content.js';
import { cuts, pieces } from '../../proxy/json-for-test.js';

const delta = (value: object) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: value }] })}\n\n`;

const says: [what: string, text: string, verdict: Verdict][] = [
  ['nothing', '', 'waiting'],
  ['a comment', ': processing\n\n', 'waiting'],
  ['the role', delta({ role: 'assistant', content: '' }), 'waiting'],
  ['the role alone', delta({ role: 'assistant', content: null, tool_calls: [] }), 'waiting'],
  ['no choices', 'data: {"choices":[],"prompt_filter_results":[{}]}\n\n', 'waiting'],
  ['half an event', delta({ content: 'a' }).slice(0, -1), 'waiting'],
  ['text', delta({ content: 'a' }), 'content'],
  ['text after a comment', `: x\n\n${delta({ content: 'a' })}`, 'content'],
  ['reasoning', delta({ reasoning_content: 'hm' }), 'content'],
  ['a tool call', delta({ tool_calls: [{ index: 0 }] }), 'content'],
  ['a legacy completion', 'data: {"choices":[{"text":"a"}]}\n\n', 'content'],
  ['its end', 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n', 'content'],
  ['[DONE]', 'data: [DONE]\n\n', 'content'],
  ['another format', 'data: {"type":"message_start"}\n\n', 'content'],
  ['what is no JSON', 'data: hello\n\n', 'content'],
  ['null', 'data: null\n\n', 'waiting'],
  ['an error of another form', 'data: {"detail":"no"}\n\n', 'error'],
  ['a message without an error', 'data: {"message":"no"}\n\n', 'waiting'],
  ['null choices', 'data: {"choices":[null]}\n\n', 'waiting'],
  ['an error', 'data: {"error":{"message":"overloaded"}}\n\n', 'error'],
  ['a named error event', 'event: error\ndata: {"error":{"message":"x"}}\n\n', 'error'],
  ['an error after the role', `${delta({ role: 'a' })}data: {"error":"x"}\n\n`, 'error'],
  ['no error', 'data: {"error":null,"choices":[{"delta":{"content":"a"}}]}\n\n', 'content'],
  ['data on two lines', 'data: {"choices":\ndata: [{"text":"a"}]}\n\n', 'content'],
];

test('a stream is judged by the first event that says something', () => {
  for (const [what, text, verdict] of says) {
    assert.equal(new FirstContent(judge).push(Buffer.from(text)), verdict, what);
    const withCr = text.replaceAll('\n', '\r\n');
    assert.equal(new FirstContent(judge).push(Buffer.from(withCr)), verdict, `${what}, CRLF`);
  }
});

test('the verdict is the same however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...says.map(([, text]) => text)),
      fc.constantFrom(...says),
      cuts,
      (before, [, after], at) => {
        const text = before + after;
        const whole = new FirstContent(judge).push(Buffer.from(text));
        const reader = new FirstContent(judge);
        let verdict: Verdict = 'waiting';
        for (const piece of pieces(Buffer.from(text), at)) {
          if (verdict === 'waiting') verdict = reader.push(piece);
        }
        return verdict === whole;
      },
    ),
    { numRuns: 500 },
  );
});
