import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request as ask } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { KeptReasoning } from '../../../src/dialects/translate/kept-reasoning.js';
import { GatewayError } from '../../../src/errors.js';
import {
  LargeTranslations,
  largeBytes,
} from '../../../src/proxy/translation/large-translations.js';
import { provider } from '../../config/configuration-for-test.js';
import { testDirectory } from '../../support/postgres.js';
import { type Answer, startUpstream } from '../../support/upstream.js';
import { gatewayForTest, recordsOf, serveGateway } from '../gateway-for-test.js';

const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude',
  content: [{ type: 'text', text: 'hello' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 5, output_tokens: 3 },
};
const long = 'é'.repeat(largeBytes);
const chatPath = '/v1/chat/completions';

const json =
  (body: unknown, status = 200): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };

/** A gateway in front of one provider, and the bodies that it gets. */
async function served(t: TestContext, answer: Answer, provider_type: 'anthropic' | 'openai') {
  const bodies: ReturnType<typeof JSON.parse>[] = [];
  const { url } = await startUpstream(t, (request, response) => {
    bodies.push(JSON.parse(request.body.toString()));
    answer(request, response);
  });
  const gateway = gatewayForTest(t, [provider('a', { api_base: url, provider_type })]);
  const origin = await serveGateway(t, gateway);
  return { bodies, gateway, origin };
}

async function post(origin: string, path: string, body: object) {
  const response = await fetch(origin + path, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

test('a large request is translated as a small one is, while others are served', async (t) => {
  const { bodies, gateway, origin } = await served(t, json(message), 'anthropic');
  const asked = (text: string) => ({
    model: 'm',
    seed: 1,
    messages: [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: text },
    ],
  });
  const small = await post(origin, chatPath, asked('hi'));
  const large = await post(origin, chatPath, asked(long));
  assert.deepEqual([small.status, large.status], [200, 200]);
  assert.equal(large.headers.get('x-llmproxy-lost'), 'seed=dropped');
  assert.deepEqual(JSON.parse(JSON.stringify(bodies[1]).replace(long, 'hi')), bodies[0]);
  const [{ id: _, created: __, ...one }, { id: ___, created: ____, ...other }] = [
    JSON.parse(small.text),
    JSON.parse(large.text),
  ];
  assert.deepEqual(other, one);
  assert.equal(recordsOf(gateway).at(-1)?.translation?.lost, 'seed=dropped');
});

test('the event loop turns while a large body is translated', async (t) => {
  const { gateway } = await served(t, json(message), 'anthropic');
  const messages = Array.from({ length: 50_000 }, () => ({ role: 'user', content: 'a' }));
  const body = Buffer.from(JSON.stringify({ model: 'm', messages }));
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  const exchange = { onAbort: () => {} } as never;
  const [candidate] = gateway.snapshot.route('m')?.candidates ?? [];
  const endpoint = { dialect: { name: 'openai.chat' } };
  const names = candidate?.wire(endpoint as never)?.translation?.names;
  assert.ok(names);
  const asked = { names, provider: 'a', body, model: 'm', stream: false };
  setImmediate(count);
  const { body: written } = await gateway.translations.request(exchange, asked, null);
  isOver = true;
  assert.ok(turns > 50, `${turns} turns`);
  assert.equal(JSON.parse(written.toString()).messages.length, 50_000);
  assert.ok(body.length > largeBytes, 'the worker still has its own');
});

test('a large request that cannot be read or said is refused like a small one', async (t) => {
  const { bodies, origin } = await served(t, json(message), 'anthropic');
  const bad = await post(origin, chatPath, {
    model: 'm',
    messages: [{ role: 'user', content: long }, { role: 7 }],
  });
  assert.deepEqual([bad.status, JSON.parse(bad.text).error.param], [400, 'messages[1].role']);
  const several = { model: 'm', n: 2, messages: [{ role: 'user', content: long }] };
  const refused = await post(origin, chatPath, several);
  assert.deepEqual([refused.status, JSON.parse(refused.text).error.param], [400, 'n']);
  assert.deepEqual(bodies, []);
});

test('the stream for a large request is translated as it comes', async (t) => {
  const events = [
    { type: 'message_start', message: { ...message, content: [], stop_reason: null } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'hello' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } },
    { type: 'message_stop' },
  ];
  const stream: Answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(events.map((each) => `data: ${JSON.stringify(each)}\n\n`).join(''));
  };
  const { origin } = await served(t, stream, 'anthropic');
  const { text } = await post(origin, chatPath, {
    model: 'm',
    stream: true,
    stream_options: { include_usage: true },
    messages: [{ role: 'user', content: long }],
  });
  assert.match(text, /"content":"hello"/);
  assert.match(text, /"usage":\{"prompt_tokens":5,/);
  assert.match(text, /"model":"m"/);
  assert.match(text, /data: \[DONE\]\n\n$/);
});

test('a large answer is translated, with its usage; one that cannot be read is a 502', async (t) => {
  const content = [{ type: 'text', text: long }];
  let answer: object = { ...message, content };
  const { gateway, origin } = await served(
    t,
    (request, response) => json(answer)(request, response),
    'anthropic',
  );
  const hi = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
  const { text } = await post(origin, chatPath, hi);
  assert.equal(JSON.parse(text).choices[0].message.content, long);
  assert.equal(recordsOf(gateway).at(-1)?.usage?.completionTokens, 3);
  answer = { hello: long };
  const unreadable = await post(origin, chatPath, hi);
  const { code } = JSON.parse(unreadable.text).error;
  assert.deepEqual([unreadable.status, code], [502, 'upstream_failed']);
  answer = { type: 'error', error: { type: 'overloaded_error', message: long } };
  const failed = await post(origin, chatPath, hi);
  assert.deepEqual([failed.status, JSON.parse(failed.text).error.message], [503, long]);
});

test('reasoning that was kept for a tool call reaches the thread, and comes back from it', async (t) => {
  const thought = { type: 'thinking', thinking: long, signature: 'c2ln' };
  const call = { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} };
  const answer = { ...message, content: [thought, call], stop_reason: 'tool_use' };
  const { bodies, gateway, origin } = await served(t, json(answer), 'anthropic');
  gateway.seals.kept = new KeptReasoning(16_777_216, 60_000);
  const question = { role: 'user', content: 'hi' };
  const { text } = await post(origin, chatPath, { model: 'm', messages: [question] });
  const { message: said } = JSON.parse(text).choices[0];
  const result = { role: 'tool', tool_call_id: 'toolu_1', content: long };
  const turn = { model: 'm', messages: [question, said, result] };
  assert.equal((await post(origin, chatPath, turn)).status, 200);
  assert.deepEqual(bodies[1].messages[1].content, [thought, call]);
});

test('a large request for a count that no provider gives is estimated', async (t) => {
  const { origin } = await served(t, json({ error: { message: 'no' } }, 404), 'openai');
  const { text, headers } = await post(origin, '/v1/messages/count_tokens', {
    model: 'm',
    messages: [{ role: 'user', content: long }],
  });
  assert.equal(headers.get('x-llmproxy-estimated'), 'true');
  assert.ok(JSON.parse(text).input_tokens > largeBytes / 4);
});

test('a rerank with large documents has them in its answer', async (t) => {
  const ranked = { id: '1', results: [{ index: 1, relevance_score: 0.5 }] };
  const { url } = await startUpstream(t, json(ranked));
  const gateway = gatewayForTest(t, [provider('a', { api_base: url, provider_type: 'cohere' })]);
  const origin = await serveGateway(t, gateway);
  const documents = ['short', long];
  const body = { model: 'm', query: 'q', documents };
  const { text } = await post(origin, '/v1/rerank', body);
  assert.equal(JSON.parse(text).results[0].document.text, long);
});

test('a client that leaves ends the translation, and the next one is served', async (t) => {
  const { bodies, gateway, origin } = await served(t, json(message), 'anthropic');
  const messages = Array.from({ length: 200_000 }, () => ({ role: 'user', content: 'a' }));
  const body = JSON.stringify({ model: 'm', messages });
  const sent = ask(`${origin}${chatPath}`, { method: 'POST', agent: false });
  sent.on('error', () => {});
  sent.end(body);
  const run = gateway.translations.request.bind(gateway.translations);
  const begun = new Promise<void>((resolve) => {
    gateway.translations.request = (...args) => {
      setImmediate(resolve);
      return run(...args);
    };
  });
  await begun;
  const closed = new Promise((resolve) => sent.once('close', resolve));
  sent.destroy();
  await closed;
  const other = { model: 'm', messages: [{ role: 'user', content: long }] };
  assert.equal((await post(origin, chatPath, other)).status, 200);
  assert.equal(bodies.length, 1, 'the first one was not sent');
  assert.equal(recordsOf(gateway)[0]?.status, 499);
});

test('a request that is too large to translate is not tried for another provider', async (t) => {
  const { url } = await startUpstream(t, json(message));
  const claude = { api_base: url, provider_type: 'anthropic' as const };
  const gateway = gatewayForTest(t, [provider('a', claude), provider('b', claude)]);
  const origin = await serveGateway(t, gateway);
  let tries = 0;
  gateway.translations.request = () => {
    tries++;
    const message = 'The request takes more than 1024 MB of memory to translate.';
    return Promise.reject(new GatewayError('request_too_large', message));
  };
  const body = { model: 'm', messages: [{ role: 'user', content: long }] };
  const { status, text } = await post(origin, chatPath, body);
  assert.deepEqual([status, JSON.parse(text).error.code, tries], [413, 'request_too_large', 1]);
});

test('the worker translates large bodies while the file of the thread is gone or another one', async (t) => {
  const { bodies, gateway, origin } = await served(t, json(message), 'anthropic');
  const file = join(testDirectory(), 'thread.mjs');
  for (const replace of [
    () => {},
    () => writeFileSync(file, "import 'a-package-that-is-gone';\n"),
    () => writeFileSync(file, otherThread),
  ]) {
    replace();
    Object.assign(gateway, { translations: new LargeTranslations(file, gateway.seals) });
    const asked = { model: 'm', messages: [{ role: 'user', content: long }] };
    const { status, text } = await post(origin, chatPath, asked);
    assert.deepEqual([status, JSON.parse(text).choices[0].message.content], [200, 'hello']);
    assert.deepEqual(bodies.at(-1)?.messages[0].content, [{ type: 'text', text: long }]);
    const bad = await post(origin, chatPath, { ...asked, n: 2 });
    assert.deepEqual([bad.status, JSON.parse(bad.text).error.param], [400, 'n']);
  }
});

/** A thread of another build, which would answer anything. */
const messages = new URL('../../../src/threads/thread-messages.js', import.meta.url);
const otherThread = `
  import { workerData } from 'node:worker_threads';
  import { checkBuild, doTasks } from '${messages}';
  checkBuild('another', workerData);
  doTasks(async () => ({ answer: { body: new Uint8Array() }, transfer: [] }));
`;
