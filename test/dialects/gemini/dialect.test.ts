import assert from 'node:assert/strict';
import { test } from 'node:test';
import { embed, generate } from '../../../src/dialects/gemini/dialect.js';
import { StreamEnd } from '../../../src/dialects/stream/stream-end.js';
import { GatewayError } from '../../../src/errors.js';
import { AnswerKeeper } from '../../../src/proxy/answer/answer-keeper.js';

const usage = (fields: object) => JSON.stringify({ candidates: [], usageMetadata: fields });

test('the last usage of a stream counts, including thoughts and tool input', () => {
  const cases: [answer: string, expected: [number, number] | null][] = [
    [usage({ promptTokenCount: 5, candidatesTokenCount: 2, totalTokenCount: 7 }), [5, 2]],
    [
      usage({
        promptTokenCount: 5,
        toolUsePromptTokenCount: 3,
        candidatesTokenCount: 2,
        thoughtsTokenCount: 7,
        promptTokensDetails: [{ modality: 'TEXT', tokenCount: 5 }],
      }),
      [8, 9],
    ],
    [
      `data: ${usage({ promptTokenCount: 5 })}\n\ndata: ${usage({ promptTokenCount: 5, candidatesTokenCount: 4 })}\n\n`,
      [5, 4],
    ],
    [usage({ candidatesTokenCount: 4 }), null],
    [usage({ promptTokenCount: -1 }), null],
    ['{"text":"\\"usageMetadata\\":{\\"promptTokenCount\\":9}"}', null],
  ];
  for (const [text, expected] of cases) {
    const answer = new AnswerKeeper();
    answer.add(Buffer.from(text));
    const [promptTokens, completionTokens] = expected ?? [];
    const counts = expected && { promptTokens, completionTokens };
    const usage = generate.readUsage(answer);
    const { classes, ...totals } = usage ?? {};
    assert.deepEqual(usage && totals, counts, text);
  }
});

test('an answer is whole where its end has a reason', () => {
  for (const [event, isEnd] of [
    ['{"candidates":[{"finishReason":"STOP"}]}', true],
    ['{"promptFeedback":{"blockReason":"SAFETY"}}', true],
    ['{"error":{"code":503}}', true],
    ['{"candidates":[{"content":{"parts":[{"text":"\\"finishReason\\""}]}}]}', false],
  ] as const) {
    const end = new StreamEnd(generate.streamEnds ?? []);
    end.push(Buffer.from(`data: ${event}\n\n`));
    assert.equal(end.isHere, isEnd, event);
  }
  assert.equal(generate.takesComments, false);
});

test('errors have Gemini’s shape', () => {
  const error = new GatewayError('model_not_found', 'said');
  const body = '{"error":{"code":404,"message":"said","status":"NOT_FOUND"}}';
  assert.equal(generate.errorBody(error, 'id'), body);
  assert.equal(generate.errorEvent(error, 'id').toString(), `data: ${body}\n\n`);
});

test('a body that names another model than its path is refused', () => {
  const head = (model: string) => {
    const body = Buffer.from(JSON.stringify({ model }));
    const spans = new Map([['model', [{ start: 9, end: body.length - 1 }]]]);
    return embed.readHead(body, spans, { model: 'm', stream: false });
  };
  assert.equal(head('m').model, 'm');
  assert.equal(head('models/m').model, 'm');
  assert.throws(() => head('models/other'), { code: 'invalid_request', param: 'model' });
});
