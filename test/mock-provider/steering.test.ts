import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { say } from './mock-for-test.js';
import { mockWithClient } from './mock-with-client.js';

test('answers with the status that the model names', async (t) => {
  const { client } = await mockWithClient(t);
  for (const [status, type] of [
    [400, OpenAI.BadRequestError],
    [401, OpenAI.AuthenticationError],
    [429, OpenAI.RateLimitError],
    [503, OpenAI.InternalServerError],
  ] as const) {
    const answer = client.chat.completions.create({
      model: `mock-status-${status}`,
      messages: say('hi'),
    });
    await assert.rejects(answer, (error: unknown) => {
      assert.ok(error instanceof type);
      assert.equal(error.status, status);
      assert.equal(error.headers?.get('retry-after') ?? null, status === 429 ? '1' : null);
      return true;
    });
  }
});

test('echoes the request, with the key masked', async (t) => {
  const { client } = await mockWithClient(t);
  const answer = await client.chat.completions.create(
    { model: 'mock-echo', messages: say('héllo') },
    { headers: { 'x-test': 'yes' } },
  );
  const content = answer.choices[0]?.message.content ?? '';
  const seen = JSON.parse(content) as Record<string, Record<string, unknown>>;
  assert.equal(seen.path, '/v1/chat/completions');
  assert.equal(seen.headers?.['x-test'], 'yes');
  assert.equal(seen.headers?.authorization, 'Bearer ***-key');
  assert.deepEqual(seen.body?.messages, say('héllo'));
  assert.deepEqual(JSON.parse(String(seen.body_text)), seen.body);
});

test('closes the connection instead of answering, or in the middle of a stream', async (t) => {
  const { client } = await mockWithClient(t);
  const messages = say('hi');
  await assert.rejects(
    client.chat.completions.create({ model: 'mock-reset', messages }),
    OpenAI.APIConnectionError,
  );
  const stream = await client.chat.completions.create({
    model: 'mock-cut-stream',
    messages,
    stream: true,
  });
  let chunks = 0;
  await assert.rejects(async () => {
    for await (const _ of stream) {
      chunks++;
    }
  });
  assert.equal(chunks, 3);
});

test('answers with a text of the size that the model names', async (t) => {
  const { client } = await mockWithClient(t, { chunks: 4 });
  const request = { model: 'mock-size-100000', messages: say('hi') };
  const answer = await client.chat.completions.create(request);
  assert.equal(answer.choices[0]?.message.content?.length, 100_000);
});
