import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MockProvider } from '../../src/mock-provider/server.js';
import { say } from './mock-for-test.js';
import { mockWithClient } from './mock-with-client.js';

test('reports its requests to another process', async (t) => {
  const { mock, client } = await mockWithClient(t);
  await client.chat.completions.create({ model: 'gpt-4o', messages: say('hi') });
  await client.embeddings.create({ model: 'text-embedding-3-small', input: 'hi' });
  const stats = (await control(mock, 'GET', 'stats')) as Record<string, unknown>;
  assert.equal(stats.requests, 2);
  assert.equal(stats.active, 0);
  assert.deepEqual(stats.by_path, { '/v1/chat/completions': 1, '/v1/embeddings': 1 });
  const last = stats.last as { method: string; path: string; headers: Record<string, string> };
  assert.equal(last.method, 'POST');
  assert.equal(last.path, '/v1/embeddings');
  assert.equal(last.headers.authorization, 'Bearer ***-key');
});

test('counts the requests whose client left before the end', async (t) => {
  const { mock, client } = await mockWithClient(t, { chunkIntervalMs: 5, chunks: 10_000 });
  const stream = await client.chat.completions.create({
    model: 'gpt-4o',
    messages: say('hi'),
    stream: true,
  });
  for await (const _ of stream) {
    break;
  }
  const hanging = new AbortController();
  const hung = client.chat.completions.create(
    { model: 'mock-hang', messages: say('hi') },
    { signal: hanging.signal },
  );
  await until(() => mock.stats.requests === 2);
  hanging.abort();
  await assert.rejects(hung);
  await until(() => mock.stats.aborted === 2);
  assert.equal(mock.stats.active, 0);
});

test('changes its behaviour while it runs, and refuses what is invalid', async (t) => {
  const { mock, client } = await mockWithClient(t);
  const changed = (await control(mock, 'POST', 'config', { chunks: 3 })) as Record<string, unknown>;
  assert.equal(changed.chunks, 3);
  assert.equal(changed.chunkIntervalMs, 0);
  const answer = await client.chat.completions.create({ model: 'gpt-4o', messages: say('hi') });
  assert.equal(answer.usage?.completion_tokens, 3);
  const refused = (await control(mock, 'POST', 'config', { chunks: 0 })) as {
    error: { message: string };
  };
  assert.match(refused.error.message, /^chunks: must be an integer/);
});

async function control(
  { url }: MockProvider,
  method: string,
  name: string,
  body?: object,
): Promise<unknown> {
  const response = await fetch(new URL(`/mock/${name}`, url), {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return response.json();
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await nextTurn();
  }
}
