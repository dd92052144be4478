import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mockWithClient } from './mock-with-client.js';

const model = 'text-embedding-3-small';

test('gives each input a unit vector that is the same every time', async (t) => {
  const { client } = await mockWithClient(t);
  const { data, usage } = await client.embeddings.create({ model, input: ['one', 'two', 'one'] });
  const [one, two, again] = data.map(({ embedding }) => embedding);
  assert.equal(one?.length, 1536);
  assert.deepEqual(one, again);
  assert.notDeepEqual(one, two);
  const length = Math.hypot(...(one ?? []));
  assert.ok(Math.abs(length - 1) < 1e-5, `length ${length}`);
  assert.equal(usage.prompt_tokens, 3);
});

test('gives the same vector as floats and as base64, with the dimensions asked for', async (t) => {
  const { client } = await mockWithClient(t);
  const request = { model, input: 'hello', dimensions: 64 };
  // Without a format, the SDK asks for base64.
  const decoded = (await client.embeddings.create(request)).data[0]?.embedding ?? [];
  const floats = (await client.embeddings.create({ ...request, encoding_format: 'float' })).data[0]
    ?.embedding;
  assert.equal(floats?.length, 64);
  assert.deepEqual([...decoded], [...Float32Array.from(floats ?? [])]);
});

test('takes tokens as input and counts them', async (t) => {
  const { client } = await mockWithClient(t);
  const one = await client.embeddings.create({ model, input: [1, 2, 3] });
  assert.equal(one.data.length, 1);
  assert.equal(one.usage.prompt_tokens, 3);
  const two = await client.embeddings.create({ model, input: [[1, 2, 3], [4]] });
  assert.equal(two.data.length, 2);
  assert.equal(two.usage.prompt_tokens, 4);
});
