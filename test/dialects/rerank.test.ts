import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RerankShape } from '../../src/dialects/rerank/codec.js';
import { readRerank, translateRerank } from '../../src/dialects/rerank/translate.js';

const shapes: readonly RerankShape[] = ['cohere', 'jina', 'vllm'];
const body = { model: 'm', query: 'q', documents: ['a', { text: 'b' }, 'c'], top_n: 2 };
const results = [
  { index: 0, relevance_score: 0.1 },
  { index: 2, relevance_score: 0.9 },
  { index: 1, relevance_score: 0.5 },
];

function read(shape: RerankShape, more: object = {}) {
  return readRerank(Buffer.from(JSON.stringify({ ...body, ...more })), shape);
}

for (const client of shapes) {
  for (const provider of shapes) {
    test(`${client} → ${provider}: the best come first, with the client's own documents`, () => {
      const request = read(client, { return_documents: true });
      const way = translateRerank(client, provider, request, 'other');
      assert.deepEqual(way.losses, []);
      const sent = JSON.parse(way.body.toString());
      assert.deepEqual([sent.model, sent.documents, sent.top_n], ['other', ['a', 'b', 'c'], 2]);
      const { answer, body: told } = way.answer(Buffer.from(JSON.stringify({ results })));
      assert.equal(answer.results.length, 3);
      assert.deepEqual(JSON.parse(told).results, [
        { index: 2, document: { text: 'c' }, relevance_score: 0.9 },
        { index: 1, document: { text: 'b' }, relevance_score: 0.5 },
      ]);
    });
  }
}

test('usage is written in the form of each dialect', () => {
  const cohere = translateRerank('cohere', 'jina', read('cohere'), 'm');
  const jina = { results, usage: { total_tokens: 7 } };
  const told = JSON.parse(cohere.answer(Buffer.from(JSON.stringify(jina))).body);
  assert.equal(told.meta.billed_units.search_units, 1);
  assert.equal(told.results[0].document, undefined);
  const billed = { results, meta: { billed_units: { search_units: 3 } } };
  const vllm = translateRerank('vllm', 'cohere', read('vllm'), 'm');
  const { answer } = vllm.answer(Buffer.from(JSON.stringify(billed)));
  assert.deepEqual([answer.searchUnits, answer.tokens], [3, null]);
});

test('unknown fields of a shape are reported, wrong input and nonsense are refused', () => {
  const request = read('cohere', { max_tokens_per_doc: 9, other: 1 });
  const { losses } = translateRerank('cohere', 'vllm', request, 'm');
  assert.deepEqual(
    losses.map(({ field }) => field),
    ['max_tokens_per_doc', 'other'],
  );
  assert.throws(() => read('cohere', { documents: [] }), { param: 'documents' });
  assert.throws(() => read('cohere', { documents: [{ title: 't' }] }), {
    param: 'documents[0].text',
  });
  assert.throws(() => read('cohere', { query: 1 }), { param: 'query' });
  const way = translateRerank('cohere', 'vllm', read('cohere'), 'm');
  assert.throws(() => way.answer(Buffer.from('{"results":[{"index":"x"}]}')), {
    code: 'upstream_failed',
  });
});
