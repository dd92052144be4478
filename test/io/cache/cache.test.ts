import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { ask, askChat, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { startMockProcess } from '../../support/mock-process.js';
import { openAi } from '../../support/openai.js';
import { until } from '../../support/until.js';
import { chatCompletion, startUpstream } from '../../support/upstream.js';
import { greedy, keyWith, resultOf, served, shared } from './cached-for-test.js';

test('workers share cached answers, and a purge applies to all of them', async (t) => {
  const { daemon, upstream } = await served(t, 3);
  await keyWith(daemon, 'other', '--cache', 'on');
  const key = await keyWith(daemon, 'alice', '--cache', 'on');
  const many = async () => {
    const answers = [];
    for (let i = 0; i < 12; i++) answers.push(await askChat(daemon.url, key, 'm', greedy));
    return answers;
  };
  assert.equal(resultOf(await askChat(daemon.url, key, 'm', greedy)), 'miss');
  await shared(daemon, 1);
  assert.deepEqual((await many()).map(resultOf), Array(12).fill('hit'));
  assert.equal(upstream.received.length, 1);
  const purges: [string[], number][] = [
    [['--key', 'other'], 1],
    [['--model', 'gpt-*'], 1],
    [['--key', 'alice', '--model', 'm*'], 2],
    [['--all'], 3],
    [[], 4],
  ];
  for (const [flags, asked] of purges) {
    const { code, stdout, stderr } = await daemon.cli(['cache', 'purge', ...flags]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /purged cached answers of/);
    const { text } = await askChat(daemon.url, key, 'm', greedy);
    await shared(daemon, 1);
    for (const answer of await many()) assert.equal(answer.text, text);
    assert.equal(upstream.received.length, asked, flags.join(' '));
  }
  const status = await until('all workers have reported', async () => {
    const { stdout } = await daemon.cli(['cache', 'status', '--json']);
    const now = JSON.parse(stdout);
    return now.total.hits + now.total.misses >= 78 && now;
  });
  assert.equal(status.workers.length, 3);
  assert.equal(status.shared.answers, 1);
  assert.equal(status.max_bytes, 67_108_864);
  assert.equal(status.total.kept, 4);
  assert.match((await daemon.cli(['cache', 'status'])).stdout, /hits +74 \(95 %\)/);
});

test('a purge reaches every daemon of the database, also one by SQL', async (t) => {
  const { daemon, upstream } = await served(t);
  const second = await startDaemon(t, {
    database: { dbUrl: daemon.dbUrl ?? assert.fail(), sql: daemon.sql },
  });
  const key = await keyWith(daemon, 'alice', '--cache', 'on');
  await second.reload();
  for (const { url } of [daemon, second]) await askChat(url, key, 'm', greedy);
  assert.equal(upstream.received.length, 2);
  const gone = async (url: string) =>
    resultOf(await askChat(url, key, 'm', greedy)) === 'miss' || undefined;
  const answer = await ask(`${daemon.url}/admin/v1/cache/purge?wait=active`, {
    method: 'POST',
    headers: bearer(daemon.adminKey),
    body: '{"key":"alice"}',
  });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(JSON.parse(answer.text).applies_to, { key: 'alice' });
  assert.ok(await gone(daemon.url), 'it is done when it is answered');
  await until('the other daemon', () => gone(second.url), 20_000);
  await daemon.sql`INSERT INTO cache_purges DEFAULT VALUES`;
  for (const { url } of [daemon, second]) await until('a purge by SQL', () => gone(url), 20_000);
});

test('invalid purges are refused', async (t) => {
  const { daemon } = await served(t);
  await daemon.reload();
  const purge = (body: string, key = daemon.adminKey) =>
    ask(`${daemon.url}/admin/v1/cache/purge`, { method: 'POST', headers: bearer(key), body });
  for (const [body, reason] of [
    ['{"model":"/(/"}', /model: is not a regular expression/],
    ['{"keys":"alice"}', /keys/],
    ['{"key":5}', /key/],
    ['[]', /object/],
  ] as const) {
    const { status, text } = await purge(body);
    assert.equal(status, 400, text);
    assert.match(text, reason);
  }
  assert.equal((await purge('{}', 'sk-wrong')).status, 401);
  const absent = await daemon.cli(['cache', 'purge', '--key', 'nobody']);
  assert.match(absent.stdout, /purged cached answers of key nobody/);
  assert.match(absent.stderr, /warning: there is no key "nobody"/);
  const { code, stderr } = await daemon.cli(['cache', 'purge', '--all', '--team', 'x']);
  assert.deepEqual([code, /cannot be used together/.test(stderr)], [2, true], stderr);
});

test('a hundred equal requests over several workers ask the provider once', async (t) => {
  const daemon = await startDaemon(t, { workers: 3 });
  const upstream = await startUpstream(t, (_, response) => {
    setTimeout(() => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(chatCompletion());
    }, 1_000);
  });
  await daemon.addProvider('main', { api_base: upstream.url });
  const key = await keyWith(daemon, 'alice', '--cache', 'on', '--single-flight');
  const all = await Promise.all(
    Array.from({ length: 100 }, () => askChat(daemon.url, key, 'm', greedy)),
  );
  assert.equal(upstream.received.length, 1);
  assert.equal(all.filter((answer) => resultOf(answer) === 'hit').length, 99);
  for (const { status, text } of all) assert.deepEqual([status, text], [200, chatCompletion()]);
});

test('official clients of each API get cached answers that they can read', async (t) => {
  const daemon = await startDaemon(t);
  const mock = await startMockProcess();
  t.after(() => mock.end());
  await daemon.addProvider('main', { api_base: mock.url });
  const key = await keyWith(daemon, 'alice', '--cache', 'on', '--cache-requests', 'all');
  const openai = openAi(daemon, key);
  const anthropic = new Anthropic({ baseURL: daemon.url, apiKey: key, maxRetries: 0 });
  const google = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: daemon.url } });
  const messages = [{ role: 'user' as const, content: 'hi' }];
  const all: (() => Promise<unknown>)[] = [
    async () => await openai.chat.completions.create({ model: 'm', messages, temperature: 0 }),
    async () => {
      const stream = await openai.chat.completions.create({ model: 'm', messages, stream: true });
      return await collected(stream);
    },
    async () => await openai.responses.create({ model: 'm', input: 'hi' }),
    async () =>
      await collected(await openai.responses.create({ model: 'm', input: 'hi', stream: true })),
    async () => await openai.embeddings.create({ model: 'm', input: 'hi' }),
    async () => await anthropic.messages.create({ model: 'm', max_tokens: 9, messages }),
    async () => await collected(anthropic.messages.stream({ model: 'm', max_tokens: 9, messages })),
    async () => (await google.models.generateContent({ model: 'm', contents: 'hi' })).text,
    async () => {
      const parts = await google.models.generateContentStream({ model: 'm', contents: 'hi' });
      return (await collected(parts)).map(({ text }) => text);
    },
  ];
  for (const [index, each] of all.entries()) {
    const [first, second] = [await each(), await each()];
    assert.deepEqual(
      JSON.parse(JSON.stringify(second)),
      JSON.parse(JSON.stringify(first)),
      `${index}`,
    );
  }
  const { total } = await until('the status', async () => {
    const now = JSON.parse((await daemon.cli(['cache', 'status', '--json'])).stdout);
    return now.total.hits + now.total.misses >= 2 * all.length && now;
  });
  assert.deepEqual([total.hits, total.misses], [all.length, all.length]);
});

async function collected<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const parts: T[] = [];
  for await (const part of stream) parts.push(part);
  assert.ok(parts.length > 0);
  return parts;
}
