import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readUsage, UsageEventFilter } from '../../../src/dialects/openai/usage.js';
import { cuts, pieces } from '../../proxy/json-for-test.js';

const usage = '"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}';
const counted = { promptTokens: 7, completionTokens: 3 };

const read = (text: string) => {
  const body = Buffer.from(text);
  return readUsage({
    head: (bytes) => body.subarray(0, bytes),
    tail: (bytes) => body.subarray(Math.max(0, body.length - bytes)),
    whole: () => body,
  });
};

test('the usage of an answer is found at its end, and not in its text', () => {
  const answers: [text: string, found: object | null][] = [
    [`{"choices":[],${usage}}`, counted],
    ['{"usage":{"prompt_tokens":1},"x":[]}', { promptTokens: 1, completionTokens: 0 }],
    ['{"usage" : {"prompt_tokens":5,"total_tokens":5}}', { promptTokens: 5, completionTokens: 0 }],
    [`{"usage":{"prompt_tokens":7,"completion_tokens":3,"d":{"cached":{"a":1}}}}`, counted],
    [`data: {"choices":[],${usage}}\n\ndata: [DONE]\n\n`, counted],
    [`data: {${usage}}\n\ndata: {"usage":null}\n\n`, counted],
    [`{"content":"${usage.replaceAll('"', '\\"')}"}`, null],
    ['{"usage":null}', null],
    ['{"usage":{"prompt_tokens":"7"}}', null],
    ['{"usage":{"prompt_tokens":7', null],
    ['"usage"', null],
    ['', null],
  ];
  for (const [text, found] of answers) assert.deepEqual(read(text), found, text);
});

test('counts are whole numbers, the larger reading where there are two, and the rest of the total', () => {
  const usages: [usage: object, found: [prompt: number, completion: number] | null][] = [
    [{ prompt_tokens: 7, completion_tokens: 20.5 }, null],
    [{ prompt_tokens: 7, completion_tokens: -1 }, null],
    [{ prompt_tokens: -7, completion_tokens: 1 }, null],
    [{ prompt_tokens: 7, completion_tokens: '3' }, null],
    [{ prompt_tokens: 7, completion_tokens: 3, total_tokens: 1e30 }, null],
    [{ prompt_tokens: 7, completion_tokens: 3_000_000_000 }, null],
    [{ prompt_tokens: 7, completion_tokens: null, total_tokens: 9 }, [7, 2]],
    [{ input_tokens: 5, output_tokens: 3 }, [5, 3]],
    [{ prompt_tokens: 0, completion_tokens: 0, input_tokens: 5, output_tokens: 3 }, [5, 3]],
    [{ prompt_tokens: 5, completion_tokens: 3, input_tokens: 0, output_tokens: 0 }, [5, 3]],
    [{ prompt_tokens: 32, completion_tokens: 9, total_tokens: 135 }, [32, 103]],
    [{ prompt_tokens: 32, completion_tokens: 9, total_tokens: 1 }, [32, 9]],
    [{ input_tokens: 8, total_tokens: 8 }, [8, 0]],
    [{ completion_tokens: 3 }, null],
  ];
  for (const [usage, found] of usages) {
    const expected = found && { promptTokens: found[0], completionTokens: found[1] };
    const counts = read(JSON.stringify({ usage }));
    const totals = counts && {
      promptTokens: counts.promptTokens,
      completionTokens: counts.completionTokens,
    };
    assert.deepEqual(totals, expected, JSON.stringify(usage));
  }
});

test('the usage is found wherever it is in an answer', () => {
  const data = JSON.stringify('x'.repeat(70_000));
  assert.deepEqual(read(`{${usage},"data":[${data}]}`), counted);
  assert.deepEqual(read(`{"a":[${data}],${usage},"data":[${data}]}`), counted);
  assert.deepEqual(read(`data: {${usage},"choices":[${data}]}\n\ndata: [DONE]\n\n`), counted);
  const broken = '"usage":{"prompt_tokens":{'.repeat(2_000);
  assert.equal(read(`{${usage},${broken}}`), null, 'of broken ones only some are tried');
});

test('a stream reports no usage that nobody asked for', () => {
  const passed = (events: string) => {
    const filter = new UsageEventFilter();
    return filter.push(Buffer.from(events)).toString();
  };
  const content = 'data: {"choices":[{"delta":{"content":"\\"usage\\":null é"}}]';
  assert.equal(passed(`${content},"usage":null}\n\n`), `${content}}\n\n`);
  assert.equal(passed('data: {"usage" : null, "choices":[1]}\n\n'), 'data: { "choices":[1]}\n\n');
  assert.equal(passed(`data: {${usage}}\n\n`), '');
  assert.equal(passed(`data: {"choices":null,${usage}}\n\n`), '');
  for (const shown of [
    `data: {"error":{"code":500},${usage}}\n\n`,
    `data: {"choices":[{"finish_reason":"stop"}],${usage}}\n\n`,
  ]) {
    assert.equal(passed(shown), shown);
  }
});

const end = fc.constantFrom('\n\n', '\r\n\r\n');
/** Events that pass, and those that are taken out. */
const event = fc.oneof(
  fc.tuple(
    fc.oneof(
      fc.string({ unit: 'binary' }).map((content) => `data: ${chunk({ choices: [{ content }] })}`),
      fc.constantFrom(
        `data: {"choices":[{"delta":{"content":"x"}}],${usage}}`,
        'data: {"choices":[]}',
        `data: {"choices":[{"delta":{"content":${JSON.stringify(`{"choices":[],${usage}}`)}}}]}`,
        ': comment',
        'data: [DONE]',
        'event: ping\ndata: {}',
        `data: ${'x'.repeat(70_000)}`,
      ),
    ),
    end,
    fc.constant(true),
  ),
  fc.tuple(
    fc.constantFrom(
      `data: {"choices":[],${usage}}`,
      `data: {${usage},"id":"a","choices": [ ] }`,
      `data: {"choices":null,${usage}}`,
      `data: {${usage}}`,
    ),
    end,
    fc.constant(false),
  ),
);
const chunk = (value: object) => JSON.stringify(value);

test('the usage event is taken out of a stream, and all else passes byte for byte at every cut', () => {
  const tail = fc.constantFrom('', 'data: {"cho', 'data: x\n', '\n');
  fc.assert(
    fc.property(fc.array(event, { maxLength: 8 }), tail, cuts, (events, rest, at) => {
      const text = events.map(([data, blank]) => data + blank).join('') + rest;
      const expected = events.map(([data, blank, passes]) => (passes ? data + blank : '')).join('');
      const filter = new UsageEventFilter();
      const out = pieces(Buffer.from(text), at).map((piece) => filter.push(piece));
      out.push(filter.flush());
      assert.equal(Buffer.concat(out).toString(), expected + rest);
      const reports = events.some(([data]) => data.startsWith('data: {') && data.includes(usage));
      assert.deepEqual(filter.usage, reports ? counted : null);
    }),
    { numRuns: 500 },
  );
});

test('an event that is larger than the bound passes as it comes, and the next is still found', () => {
  const large = `data: ${'x'.repeat(100_000)}`;
  for (const split of [0, 1, 2]) {
    const filter = new UsageEventFilter();
    const text = `${large}\n\ndata: {"choices":[],${usage}}\n\ndata: [DONE]\n\n`;
    const at = large.length + split;
    const first = filter.push(Buffer.from(text.slice(0, at)));
    assert.ok(first.length >= large.length);
    const out = Buffer.concat([first, filter.push(Buffer.from(text.slice(at))), filter.flush()]);
    assert.equal(out.toString(), `${large}\n\ndata: [DONE]\n\n`);
  }
});
