import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { EmbeddingCodec } from '../../src/dialects/embeddings/codec.js';
import {
  embeddingCodecs,
  readEmbedding,
  translateEmbedding,
} from '../../src/dialects/embeddings/translate.js';
import { GatewayError } from '../../src/errors.js';

const codecs = Object.values(embeddingCodecs);
const openai = embeddingCodecs['openai.embeddings'];
const vector = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
  minLength: 1,
  maxLength: 4,
});

function read(codec: EmbeddingCodec, body: object) {
  return readEmbedding(codec, Buffer.from(JSON.stringify(body)), 'asked');
}

for (const client of codecs) {
  for (const provider of codecs) {
    test(`${client.dialect} → ${provider.dialect}: text and vector are unchanged`, () => {
      fc.assert(
        fc.property(fc.string({ minLength: 1 }), vector, fc.nat(), (text, values, tokens) => {
          const common = { model: 'm', inputs: [text], single: true, purpose: 'document' } as const;
          const rest = { dimensions: 256, base64: false, user: null, unknown: [] } as const;
          const said = client.writeRequest({ ...common, ...rest }, 'm').body;
          const request = readEmbedding(client, said, 'm');
          const way = translateEmbedding(client, provider, request, 'm');
          assert.deepEqual(
            way.losses.filter(({ kind }) => kind === 'rejected'),
            [],
          );
          assert.deepEqual(readEmbedding(provider, way.body, 'm').inputs, [text]);
          const given = provider.writeAnswer({ vectors: [values], tokens }, request);
          const { answer, body } = way.answer(Buffer.from(given));
          assert.deepEqual(answer, { vectors: [values.map((n) => n + 0)], tokens });
          assert.deepEqual(client.readAnswer(Buffer.from(body)), answer);
        }),
        { numRuns: 25 },
      );
    });
  }
}

test('token inputs are refused where unsupported, and several texts where one is allowed', () => {
  const tokens = read(openai, { model: 'm', input: [1, 2] });
  for (const provider of codecs.filter((codec) => codec !== openai)) {
    const { losses } = translateEmbedding(openai, provider, tokens, 'm');
    assert.ok(losses.some(({ kind, field }) => kind === 'rejected' && field === 'input'));
  }
  const several = read(openai, { model: 'm', input: ['a', 'b'] });
  const titan = translateEmbedding(openai, embeddingCodecs['bedrock.titan-embed'], several, 'm');
  assert.deepEqual(
    titan.losses.map(({ kind, field }) => `${field} ${kind}`),
    ['input rejected'],
  );
  assert.deepEqual(translateEmbedding(openai, openai, tokens, 'm').losses, []);
});

test('Vertex AI is asked for several texts, but Gemini’s model for one, and its tokens are summed', () => {
  const vertex = embeddingCodecs['vertex.predict'];
  const gemini = embeddingCodecs['gemini.embed'];
  const one = { content: { parts: [{ text: 'a' }] }, taskType: 'RETRIEVAL_QUERY' };
  const requests = [one, { ...one, content: { parts: [{ text: 'b' }] } }].map((each) => ({
    ...each,
    outputDimensionality: 8,
  }));
  const way = translateEmbedding(gemini, vertex, read(gemini, { requests }), 'text-embedding-005');
  assert.deepEqual(JSON.parse(way.body.toString()), {
    instances: [
      { content: 'a', task_type: 'RETRIEVAL_QUERY' },
      { content: 'b', task_type: 'RETRIEVAL_QUERY' },
    ],
    parameters: { outputDimensionality: 8 },
  });
  assert.deepEqual(way.losses, []);
  const prediction = (values: unknown, statistics?: object) => ({
    embeddings: { values, ...(statistics && { statistics }) },
  });
  const answer = (...predictions: object[]) =>
    way.answer(Buffer.from(JSON.stringify({ predictions }))).answer;
  const told = answer(prediction([1], { token_count: 3 }), prediction([2], { token_count: 4 }));
  assert.deepEqual(told, { vectors: [[1], [2]], tokens: 7 });
  assert.equal(answer(prediction([1], { token_count: 3 }), prediction([2])).tokens, null);
  for (const nonsense of [prediction('x'), { values: [1] }, prediction(['1'])]) {
    assert.throws(() => answer(nonsense, nonsense), { code: 'upstream_failed' });
  }
  assert.throws(() => answer(prediction([1])), {
    code: 'upstream_failed',
    message: /has 1 vectors for 2 inputs/,
  });
  const several = read(openai, { model: 'm', input: ['a', 'b'] });
  const refused = translateEmbedding(openai, vertex, several, 'gemini-embedding-001');
  assert.deepEqual(
    refused.losses.map(({ kind, field }) => `${field} ${kind}`),
    ['input rejected'],
  );
  const single = read(openai, { model: 'm', input: 'a' });
  assert.deepEqual(translateEmbedding(openai, vertex, single, 'gemini-embedding-001').losses, []);
});

test('Vertex AI’s embedContent has the settings of its one text apart', () => {
  const vertex = embeddingCodecs['vertex.embed'];
  const asked = read(openai, { model: 'm', input: 'a', dimensions: 8 });
  const way = translateEmbedding(openai, vertex, asked, 'gemini-embedding-2');
  assert.deepEqual(JSON.parse(way.body.toString()), {
    content: { parts: [{ text: 'a' }] },
    embedContentConfig: { outputDimensionality: 8 },
  });
  const gemini = embeddingCodecs['gemini.embed'];
  const query = { content: { parts: [{ text: 'b' }] }, taskType: 'RETRIEVAL_QUERY' };
  const batch = read(gemini, { requests: [query] });
  const { body, losses } = translateEmbedding(gemini, vertex, batch, 'gemini-embedding-2');
  const { embedContentConfig } = JSON.parse(body.toString());
  assert.deepEqual([embedContentConfig, losses], [{ taskType: 'RETRIEVAL_QUERY' }, []]);
  const said = { embedding: { values: [1, 2] }, usageMetadata: { promptTokenCount: 3 } };
  const answered = JSON.parse(way.answer(Buffer.from(JSON.stringify(said))).body);
  assert.deepEqual([answered.data[0].embedding, answered.usage.prompt_tokens], [[1, 2], 3]);
  const several = read(openai, { model: 'm', input: ['a', 'b'] });
  const refused = translateEmbedding(openai, vertex, several, 'gemini-embedding-2').losses;
  assert.deepEqual(
    refused.map(({ kind, field }) => `${field} ${kind}`),
    ['input rejected'],
  );
});

test('a client that asked for base64 gets it, whatever format the provider sends', () => {
  const request = read(openai, { model: 'm', input: 'a', encoding_format: 'base64' });
  const gemini = embeddingCodecs['gemini.embed'];
  const way = translateEmbedding(openai, gemini, request, 'm');
  const given = JSON.stringify({ embeddings: [{ values: [0.5, -1] }] });
  const { data } = JSON.parse(way.answer(Buffer.from(given)).body);
  assert.equal(data[0].embedding, 'AAAAPwAAgL8=');
  assert.deepEqual(openai.readAnswer(Buffer.from(JSON.stringify({ data }))).vectors, [[0.5, -1]]);
});

test('a single text of Gemini is answered with one embedding, a batch with all', () => {
  const gemini = embeddingCodecs['gemini.embed'];
  const one = { content: { parts: [{ text: 'a' }] }, taskType: 'RETRIEVAL_QUERY' };
  const cohere = embeddingCodecs['cohere.embed'];
  const answer = Buffer.from(JSON.stringify({ embeddings: { float: [[1], [2]] } }));
  const single = translateEmbedding(gemini, cohere, read(gemini, one), 'm');
  assert.equal(JSON.parse(single.body.toString()).input_type, 'search_query');
  assert.deepEqual(JSON.parse(single.answer(answer).body), { embedding: { values: [1] } });
  const batch = translateEmbedding(gemini, cohere, read(gemini, { requests: [one, one] }), 'm');
  assert.deepEqual(JSON.parse(batch.answer(answer).body).embeddings, [
    { values: [1] },
    { values: [2] },
  ]);
});

test('losses are reported by the client’s name for the field', () => {
  const gemini = embeddingCodecs['gemini.embed'];
  const request = read(gemini, {
    content: { parts: [{ text: 'a' }] },
    task_type: 'CLUSTERING',
    title: 't',
  });
  const { losses } = translateEmbedding(gemini, openai, request, 'm');
  assert.deepEqual(
    losses.map(({ field }) => field),
    ['taskType', 'title'],
  );
});

test('wrong input names its field, and a provider’s nonsense is its failure', () => {
  const refused = (body: object, param: string) =>
    assert.throws(() => read(openai, body), { code: 'invalid_request', param });
  refused({ input: [] }, 'input');
  refused({ input: ['a', 1] }, 'input[0]');
  refused({ input: 'a', encoding_format: 'hex' }, 'encoding_format');
  refused({ input: 'a', dimensions: 'many' }, 'dimensions');
  const way = translateEmbedding(openai, openai, read(openai, { input: 'a' }), 'm');
  for (const nonsense of [
    '',
    '{}',
    '{"data":[{"index":7,"embedding":[1]}]}',
    '{"data":[{"embedding":["x"]}]}',
  ]) {
    assert.throws(
      () => way.answer(Buffer.from(nonsense)),
      (error) => error instanceof GatewayError && error.code === 'upstream_failed',
    );
  }
});
