import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Provider } from '../../../src/config/configuration.js';
import { provider } from '../../config/configuration-for-test.js';
import { until } from '../../support/until.js';
import { type Answer, answerChat, startUpstream } from '../../support/upstream.js';
import { chat, gatewayForTest, recordsOf, serveGateway } from '../gateway-for-test.js';

const refuse =
  (status: number, body: string, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  };
const reset: Answer = (_request, response) => response.socket?.resetAndDestroy();

/** A gateway in front of providers with these answers, in order of priority. */
async function served(
  t: TestContext,
  answers: Record<string, Answer>,
  fields: Partial<Provider> = {},
  change?: Parameters<typeof gatewayForTest>[2],
) {
  const asked: string[] = [];
  const providers: Provider[] = [];
  for (const [key, answer] of Object.entries(answers)) {
    const { url } = await startUpstream(t, (request, response) => {
      asked.push(key);
      answer(request, response);
    });
    const priority = providers.length;
    providers.push(
      provider(key, {
        api_base: url,
        ...fields,
        provider_params: { priority, ...fields.provider_params },
      }),
    );
  }
  const gateway = gatewayForTest(t, providers, change);
  return { gateway, asked, origin: await serveGateway(t, gateway) };
}

test('the next provider is asked until one answers, and the answer says so', async (t) => {
  const { origin, asked } = await served(t, {
    a: refuse(500, '{}'),
    b: reset,
    c: answerChat,
    d: answerChat,
  });
  const { status, headers } = await chat(origin);
  assert.deepEqual([status, asked], [200, ['a', 'b', 'c']]);
  assert.equal(headers['x-llmproxy-provider'], 'c');
  assert.equal(headers['x-llmproxy-attempts'], '3');
});

test('a client’s own error is the answer at once', async (t) => {
  const { origin, asked, gateway } = await served(t, { a: refuse(422, '{"e":1}'), b: answerChat });
  const { status, text } = await chat(origin);
  assert.deepEqual([status, text, asked], [422, '{"e":1}', ['a']]);
  assert.ok(gateway.health.isSound('a'));
});

test('when none answers well, the last answer is passed on, named as its provider’s', async (t) => {
  const { origin, gateway } = await served(t, {
    a: refuse(429, '{"a":1}', { 'retry-after': '9' }),
    b: refuse(503, '{"b":1}', { 'retry-after': '8' }),
    c: reset,
  });
  const { status, text, headers } = await chat(origin);
  assert.deepEqual([status, text], [503, '{"b":1}']);
  assert.deepEqual([headers['retry-after'], headers['x-llmproxy-provider']], ['8', 'b']);
  assert.equal(headers['x-llmproxy-attempts'], '3');
  const [record] = recordsOf(gateway);
  assert.equal(record?.provider, 'b');
});

test('when none answers at all, the error is 502 and names no address', async (t) => {
  const { origin } = await served(t, { a: reset });
  const { status, text } = await chat(origin);
  assert.equal(status, 502);
  assert.match(JSON.parse(text).error.message, /^The provider "a" closed the connection/);
});

test('no more than max_attempts are made', async (t) => {
  const answers = { a: reset, b: reset, c: answerChat };
  const { origin, asked } = await served(t, answers, {}, ({ routing }) => {
    routing.max_attempts = 2;
  });
  assert.equal((await chat(origin)).status, 502);
  assert.deepEqual(asked, ['a', 'b']);
});

test('one deadline holds over all attempts, also while an answer trickles in', async (t) => {
  const trickle: Answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write(' '), 50);
    response.on('close', () => clearInterval(timer));
  };
  const { origin, asked, gateway } = await served(
    t,
    { a: trickle, b: answerChat },
    { provider_params: { timeouts: { total_ms: 1_000 } } },
  );
  const { status, text } = await chat(origin);
  assert.deepEqual([status, JSON.parse(text).error.code], [504, 'upstream_timeout']);
  assert.deepEqual(asked, ['a']);
  assert.equal(gateway.health.inFlight('a'), 0);
});

test('a request past its deadline before the first attempt times out', async (t) => {
  const { origin, asked, gateway } = await served(
    t,
    { a: answerChat },
    { provider_params: { max_concurrency: 1, timeouts: { total_ms: 200 } } },
  );
  const release = await gateway.slots.tryAcquire('a', 1);
  const waiting = chat(origin);
  await until('the wait for a slot', () => gateway.slots.waiting === 1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  release?.();
  const { status, text } = await waiting;
  assert.deepEqual([status, JSON.parse(text).error.code], [504, 'upstream_timeout']);
  assert.deepEqual(asked, []);
  const [record] = recordsOf(gateway);
  assert.deepEqual([record?.attempts, record?.attemptsEnd], [0, 'over']);
});

test('a request that waits for a connection has a deadline too', async (t) => {
  const hang: Answer = () => {};
  const { origin } = await served(
    t,
    { a: hang },
    { provider_params: { timeouts: { total_ms: 800 } } },
    ({ upstream }) => {
      upstream.max_connections_per_provider = 1;
    },
  );
  const answers = await Promise.all([chat(origin), chat(origin)]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [504, 504],
  );
});

test('a retry at a provider that fails needs the budget, one at a sound provider does not', async (t) => {
  const { origin, asked, gateway } = await served(t, { a: refuse(500, '{}'), b: answerChat });
  while (gateway.retryBudget.withdraw(performance.now()));
  assert.equal((await chat(origin)).status, 200, 'b is sound');
  gateway.health.failed('b', null, Date.now());
  asked.length = 0;
  assert.equal((await chat(origin)).status, 500);
  assert.deepEqual(asked, ['a']);
});

test('retrying a request that was never sent needs no budget', async (t) => {
  const gone = await startUpstream(t, answerChat);
  await gone.close();
  const good = await startUpstream(t, answerChat);
  const gateway = gatewayForTest(t, [
    provider('gone', { api_base: gone.url }),
    provider('good', { api_base: good.url, provider_params: { priority: 1 } }),
  ]);
  while (gateway.retryBudget.withdraw(performance.now()));
  gateway.health.failed('good', null, Date.now());
  assert.equal((await chat(await serveGateway(t, gateway))).status, 200);
});

test('after every attempt its slot and its count are given back', async (t) => {
  const { origin, gateway } = await served(
    t,
    { a: refuse(500, '{}'), b: reset, c: answerChat },
    { provider_params: { max_concurrency: 1 } },
  );
  for (let i = 0; i < 5; i++) assert.equal((await chat(origin)).status, 200);
  for (const key of ['a', 'b', 'c']) {
    assert.equal(gateway.health.inFlight(key), 0);
    const release = await gateway.slots.tryAcquire(key, 1);
    assert.ok(release, key);
    release();
  }
});

test('a client that leaves takes its attempt with it, and is no failure of the provider', async (t) => {
  let closed = 0;
  const { origin, gateway } = await served(t, {
    a: (_request, response) => response.on('close', () => closed++),
    b: answerChat,
  });
  const abort = new AbortController();
  const asked = fetch(`${origin}/v1/chat/completions`, {
    method: 'POST',
    body: '{"model":"m"}',
    signal: abort.signal,
  });
  await until('the attempt', () => gateway.health.inFlight('a') === 1);
  abort.abort();
  await assert.rejects(asked);
  await until('its end', () => closed === 1 && recordsOf(gateway).length === 1);
  assert.ok(gateway.health.isSound('a'));
  const [record] = recordsOf(gateway);
  assert.deepEqual([record?.status, record?.attempts], [499, 1]);
});

const tooLong = refuse(400, '{"error":{"message":"too long","code":"context_length_exceeded"}}');
const flagged = refuse(400, '{"error":{"code":"content_filter"}}');

/** Providers of the models `small`, `small` again, `big` and `other`. */
async function servedByKind(t: TestContext, answers: Answer[], routing: object) {
  const models = ['small', 'small', 'big', 'other'];
  const asked: string[] = [];
  const providers: Provider[] = [];
  for (const [index, answer] of answers.entries()) {
    const model = models[index] ?? '';
    const key = `p${index}`;
    const { url } = await startUpstream(t, (request, response) => {
      asked.push(key);
      answer(request, response);
    });
    const fields = { model_mapping: { [model]: model }, provider_params: { priority: index } };
    providers.push(provider(key, { api_base: url, ...fields }));
  }
  const gateway = gatewayForTest(t, providers, ({ routing: all }) => Object.assign(all, routing));
  return { gateway, asked, origin: await serveGateway(t, gateway) };
}

test('a request too long for a model goes to its fallback models, past its other providers', async (t) => {
  for (const routing of [
    { context_length_fallbacks: { small: ['big', 'other'] }, fallbacks: { small: ['other'] } },
    { fallbacks: { small: ['big', 'other'] } },
  ]) {
    const { origin, asked, gateway } = await servedByKind(
      t,
      [tooLong, answerChat, answerChat, answerChat],
      routing,
    );
    const { status, headers } = await chat(origin, { model: 'small' });
    assert.deepEqual([status, asked], [200, ['p0', 'p2']]);
    assert.equal(headers['x-llmproxy-provider'], 'p2');
    assert.ok(gateway.health.isSound('p0'), 'the provider is not to blame');
  }
});

test('each fallback model is tried once, and the last error is the answer', async (t) => {
  const routing = { context_length_fallbacks: { small: ['big', 'other'] } };
  const { origin, asked } = await servedByKind(
    t,
    [tooLong, answerChat, tooLong, refuse(400, '{"code":"context_length_exceeded","last":1}')],
    routing,
  );
  const { status, text } = await chat(origin, { model: 'small' });
  assert.deepEqual([status, asked], [400, ['p0', 'p2', 'p3']]);
  assert.match(text, /"last":1/);
});

test('a kind of error without fallbacks of its own is the answer at once', async (t) => {
  const answers = [flagged, answerChat, answerChat];
  const general = await servedByKind(t, answers, { fallbacks: { small: ['big'] } });
  assert.equal((await chat(general.origin, { model: 'small' })).status, 400);
  assert.deepEqual(general.asked, ['p0']);
  const own = await servedByKind(t, answers, { content_policy_fallbacks: { small: ['big'] } });
  assert.equal((await chat(own.origin, { model: 'small' })).status, 200);
  assert.deepEqual(own.asked, ['p0', 'p2']);
  const unserved = await servedByKind(t, [tooLong], { fallbacks: { small: ['gone'] } });
  assert.equal((await chat(unserved.origin, { model: 'small' })).status, 400);
});
