import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { say } from './mock-for-test.js';
import { mockWithClient } from './mock-with-client.js';

test('answers a chat request with text and a plausible usage', async (t) => {
  const { client } = await mockWithClient(t, { chunks: 7 });
  const answer = await client.chat.completions.create({
    model: 'gpt-4o',
    messages: say('x'.repeat(40)),
  });
  assert.equal(answer.object, 'chat.completion');
  assert.equal(answer.model, 'gpt-4o');
  assert.equal(answer.choices[0]?.finish_reason, 'stop');
  assert.match(answer.choices[0]?.message.content ?? '', /mock provider/);
  assert.deepEqual(answer.usage, { prompt_tokens: 10, completion_tokens: 7, total_tokens: 17 });
});

test('streams the same text in the configured number of chunks', async (t) => {
  const { client } = await mockWithClient(t, { chunks: 9 });
  const request = { model: 'gpt-4o', messages: say('hi') };
  const whole = await client.chat.completions.create(request);
  const pieces: string[] = [];
  let role: string | undefined;
  let finish: string | null = null;
  for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
    assert.equal(chunk.usage, undefined);
    role ??= chunk.choices[0]?.delta.role;
    finish = chunk.choices[0]?.finish_reason ?? finish;
    pieces.push(chunk.choices[0]?.delta.content ?? '');
  }
  assert.equal(role, 'assistant');
  assert.equal(finish, 'stop');
  assert.equal(pieces.filter((piece) => piece !== '').length, 9);
  assert.equal(pieces.join(''), whole.choices[0]?.message.content);
});

test('reports the usage of a stream only on request', async (t) => {
  const { client } = await mockWithClient(t, { chunks: 3 });
  const stream = await client.chat.completions.create({
    model: 'gpt-4o',
    messages: say('12345678'),
    stream: true,
    stream_options: { include_usage: true },
  });
  const usages: unknown[] = [];
  for await (const chunk of stream) {
    if (chunk.usage) {
      assert.deepEqual(chunk.choices, []);
      usages.push(chunk.usage);
    }
  }
  assert.deepEqual(usages, [{ prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 }]);
});

test('honours n and the limit of tokens', async (t) => {
  const { client } = await mockWithClient(t, { chunks: 10 });
  const answer = await client.chat.completions.create({
    model: 'gpt-4o',
    messages: say('hi'),
    n: 2,
    max_completion_tokens: 4,
  });
  assert.deepEqual(
    answer.choices.map(({ index, finish_reason }) => [index, finish_reason]),
    [
      [0, 'length'],
      [1, 'length'],
    ],
  );
  assert.equal(answer.usage?.completion_tokens, 8);
});

test('answers legacy completions, whole and streamed', async (t) => {
  const { client } = await mockWithClient(t, { chunks: 5 });
  const request = { model: 'gpt-3.5-turbo-instruct', prompt: 'hi' };
  const whole = await client.completions.create(request);
  assert.equal(whole.object, 'text_completion');
  assert.equal(whole.usage?.completion_tokens, 5);
  let text = '';
  for await (const chunk of await client.completions.create({ ...request, stream: true })) {
    text += chunk.choices[0]?.text ?? '';
  }
  assert.equal(text, whole.choices[0]?.text);
});

test('lists models and shows one', async (t) => {
  const { client } = await mockWithClient(t);
  const ids: string[] = [];
  for await (const model of client.models.list()) {
    ids.push(model.id);
  }
  assert.ok(ids.includes('gpt-4o'));
  assert.equal((await client.models.retrieve('gpt-4o')).id, 'gpt-4o');
  await assert.rejects(client.models.retrieve('no-such-model'), OpenAI.NotFoundError);
});

test('refuses a request without a key', async (t) => {
  const { mock } = await mockWithClient(t);
  const response = await fetch(`${mock.url}/models`);
  assert.equal(response.status, 401);
  const { error } = (await response.json()) as { error: { code: string } };
  assert.equal(error.code, 'missing_api_key');
});

test('answers a wrong path, a body that is not JSON and a missing model in the shape of OpenAI', async (t) => {
  const { mock } = await mockWithClient(t);
  const cases: [path: string, body: string, status: number, param: string | null][] = [
    ['/chat/nothing', '{}', 404, null],
    ['/chat/completions', '{"model":', 400, null],
    ['/chat/completions', '[]', 400, null],
    ['/chat/completions', '{"messages":[]}', 400, 'model'],
    ['/chat/completions', '{"model":"gpt-4o"}', 400, 'messages'],
    ['/chat/completions', '{"model":"gpt-4o","messages":[],"n":0}', 400, 'n'],
    ['/embeddings', '{"model":"text-embedding-3-small"}', 400, 'input'],
  ];
  for (const [path, body, status, param] of cases) {
    const response = await post(`${mock.url}${path}`, body);
    assert.equal(response.status, status, body);
    const { error } = (await response.json()) as { error: Record<string, unknown> };
    assert.deepEqual(Object.keys(error), ['message', 'type', 'param', 'code']);
    assert.equal(error.param, param, body);
  }
});

test('counts the prompt of a large request without changing the answer', async (t) => {
  const { client } = await mockWithClient(t, { chunks: 2 });
  const answer = await client.chat.completions.create({
    model: 'gpt-4o',
    messages: say('say "hello", \\ \n'.repeat(2000)),
    max_tokens: 1,
  });
  assert.equal(answer.choices[0]?.finish_reason, 'length');
  assert.ok((answer.usage?.prompt_tokens ?? 0) > 7000);
});

test('fails the configured share of requests, the same ones for the same seed', async (t) => {
  const failures = async () => {
    const { mock } = await mockWithClient(t, { failRate: 0.3, seed: 42 });
    const statuses: number[] = [];
    for (let index = 0; index < 100; index++) {
      statuses.push((await post(`${mock.url}/embeddings`, '{"model":"m","input":"a"}')).status);
    }
    return statuses;
  };
  const statuses = await failures();
  const failed = statuses.filter((status) => status === 500).length;
  assert.ok(failed > 15 && failed < 45, `${failed} of 100 failed`);
  assert.deepEqual(await failures(), statuses);
});

test('says its name, and refuses options out of range', async (t) => {
  const { mock } = await mockWithClient(t, { name: 'second' });
  assert.equal((await fetch(`${mock.url}/models`)).headers.get('x-mock-provider'), 'second');
  await assert.rejects(
    mockWithClient(t, { failRate: 2 }),
    /failRate: must be a number from 0 to 1/,
  );
});

function post(url: string, body: string): Promise<Response> {
  return fetch(url, { method: 'POST', body, headers: { authorization: 'Bearer any' } });
}
