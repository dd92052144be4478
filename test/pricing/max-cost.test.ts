import assert from 'node:assert/strict';
import { test } from 'node:test';
import { costMarks, maxCost } from '../../src/pricing/max-cost.js';
import { settlePrice } from '../../src/pricing/model-price.js';
import { priceForTest } from './price-for-test.js';

const price = settlePrice(
  priceForTest({
    rates: {
      input: 1_000_000,
      output: 10_000_000,
      cache_write_1h: 2_000_000,
      search: 7,
      container: 3,
    },
    service_tiers: { priority: { output: 20_000_000 } },
    max_input_tokens: 10_000,
    max_output_tokens: 500,
  }),
);
const asked = {
  ...{ outputTokens: 0, hasOutput: true, images: 0, characters: 0 },
  ...{ toolCalls: null, isRanking: false, totalMs: 0 },
};
const cost = (text: string, outputTokens: number | null = 100, hasOutput = true) => {
  const body = Buffer.from(text);
  const about = { marks: costMarks(body), bytes: body.length, outputTokens, hasOutput };
  return maxCost(price, { ...asked, ...about }, 'm');
};

test('the most that a request can cost is its bytes, and its output at the dearest rate', () => {
  assert.equal(cost('x'.repeat(100)), 1_100 + 100 * 20);
  assert.equal(cost('', null), 1_000 + 500 * 20, 'the most that the model writes');
  assert.equal(cost('', null, false), 1_000, 'an embedding has no output');
  assert.equal(cost('x'.repeat(50_000), 0), 10_000, 'never more than the context');
});

test('input that is not in the body may fill the context', () => {
  assert.equal(cost('{"image_url":{"url":"https://x"}}', 0), 10_000);
  assert.equal(cost('{"previous_response_id":"r"}', 0), 10_000);
  assert.equal(cost('{"tools":[{"type":"web_search"}]}', 0), 10_000 + 100 * 7);
  assert.equal(cost('"ttl":"1h"', 0), (1_000 + 10) * 2);
  assert.equal(
    cost('{"url":"\\u0068ttps://x"}', 0),
    10_000 * 2 + 100 * 7 + 10 * (10_000 + 10_000 * 20),
    'escaped letters could hide any of these',
  );
  const picture = '{"tools":[{"type":"image_generation"}]}';
  assert.equal(cost(picture, 0), 10_000 + 10 * (10_000 + 10_000 * 20), 'it may edit stored ones');
  assert.equal(cost('{"tools":[{"type":"code_interpreter"}]}', 0), 10_000 + 10 * 3);
  assert.equal(cost('{"text":"caf\\u00e9"}', 0), 1_000 + 20, 'other escapes hide nothing');
  assert.equal(cost(`{"file_id":"${'x'.repeat(20_000)}"}`, 0), 10_000, 'in a long body too');
});

test('a mark is found wherever it begins', () => {
  const none = costMarks(Buffer.alloc(0));
  const all = Object.fromEntries(Object.keys(none).map((name) => [name, true]));
  const found: [mark: string, marks: Partial<typeof none>][] = [
    ...['"http', 'fileUri', '"mcp', '"container"'].map((mark): [string, object] => [
      mark,
      { isRemote: true },
    ]),
    ['googleSearch', { isRemote: true, searches: true }],
    ['file_search', { isRemote: true, searchesFiles: true }],
    ['image_generation', { isRemote: true, makesPictures: true }],
    ['code_interpreter', { isRemote: true, runsCode: true }],
    ['audio', { hasAudio: true }],
    ['"1h"', { isHour: true }],
    ['\\u007', all],
  ];
  for (const [mark, marks] of found) {
    // Bodies are searched in slices of 65,536 bytes.
    for (const before of [
      0,
      1,
      65_000,
      65_535 - mark.length,
      ...around(65_536),
      ...around(131_072),
    ]) {
      const body = Buffer.from(`${'x'.repeat(before)}${mark}é`);
      assert.deepEqual(costMarks(body), { ...none, ...marks }, `${mark} at ${before}`);
    }
    assert.deepEqual(costMarks(Buffer.from(mark.slice(0, -1))), none);
  }
  assert.deepEqual(costMarks(Buffer.alloc(200_000, 'x')), none);
});

const around = (at: number) => Array.from({ length: 61 }, (_, i) => at - 60 + i);

test('longer contexts and audio count at their own rates', () => {
  const tiered = settlePrice(
    priceForTest({
      rates: { input: 1_000_000, second: 5 },
      context_tiers: [{ above_tokens: 2_000, rates: { input: 3_000_000 } }],
    }),
  );
  const plain = { ...asked, marks: costMarks(Buffer.alloc(0)) };
  assert.equal(maxCost(tiered, { ...plain, bytes: 1_000 }, 'm'), 2_000 + 2 * 5);
  assert.equal(maxCost(tiered, { ...plain, bytes: 1_001 }, 'm'), 3 * 2_001 + 3 * 5);
  const units = settlePrice(priceForTest({ rates: { image: 7, character: 11 } }));
  const made = { ...plain, bytes: 1, images: 2, characters: 3 };
  assert.equal(maxCost(units, made, 'm'), 2 * 7 + 3 * 11);
});

test('the dear pictures of a tool do not count as output of a model that writes only text', () => {
  const rates = { output: 1_000_000, image_output: 40_000_000 };
  const most = (text: string, picturesByTool: boolean) => {
    const about = { ...asked, marks: costMarks(Buffer.from(text)), bytes: 0, outputTokens: 10 };
    return maxCost(settlePrice(priceForTest({ rates }), 0, picturesByTool), about, 'm');
  };
  assert.equal(most('{}', true), 10);
  assert.equal(most('{}', false), 10 * 40, 'a model that makes pictures itself');
  const made = 10 * 10_000 * 40;
  assert.equal(most('{"tools":[{"type":"image_generation"}]}', true), 10 + made);
});

test('searches count as the request allows, or as deep research runs', () => {
  const rates = { search: 7, file_search: 5 };
  const searching = settlePrice(priceForTest({ rates }));
  const most = (text: string, more: Partial<typeof asked> | { toolCalls: number }, model = 'm') => {
    const body = Buffer.from(text);
    const about = { ...asked, marks: costMarks(body), bytes: body.length, ...more };
    return maxCost(searching, about, model);
  };
  assert.equal(most('{}', {}), 0);
  assert.equal(most('{"type":"web_search"}', {}), 100 * 7);
  assert.equal(most('{"type":"file_search"}', {}), 100 * 5);
  assert.equal(most('{"type":"web_search"}', { toolCalls: 3 }), 3 * 7);
  assert.equal(most('["file_search","web_search"]', { toolCalls: 3 }), 3 * 7, 'of both together');
  assert.equal(most('{"prompt":{"id":"pmpt_1"}}', {}), 100 * 7, 'a stored prompt may have tools');
  assert.equal(most('{"search_parameters":{}}', {}), 100 * 7);
  assert.equal(most('{}', {}, 'sonar-deep-research'), 100 * 7, 'some models always search');
  assert.equal(most('x'.repeat(600), { isRanking: true }), 3 * 7, 'a search ranks 100 documents');
});
