import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CacheRules } from '../../../src/config/rows/cache.js';
import { CacheUse } from '../../../src/policies/cache/cache-use.js';
import { settleCache } from '../../../src/proxy/cache/cached-answer.js';
import { RequestRecord } from '../../../src/proxy/record.js';
import { buildSnapshot } from '../../../src/routing/snapshot.js';
import { credential, provider, team } from '../../config/configuration-for-test.js';
import { until } from '../../support/until.js';
import { type Answer, startUpstream } from '../../support/upstream.js';
import { chatStream, servedWithKeys } from './cached-for-test.js';

const on: CacheRules = { mode: 'on' };
const asked = { model: 'm', messages: [{ role: 'user', content: 'hi' }], temperature: 0 };
const streamed = { ...asked, stream: true, stream_options: { include_usage: true } };
const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

/** Answers each request in another way, in the form that it asks for. */
function numbered(): Answer {
  let count = 0;
  return ({ body }, response) => {
    count++;
    if (JSON.parse(body.toString()).stream) {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      response.end(chatStream(`no ${count}`));
      return;
    }
    const choices = [
      { index: 0, message: { role: 'assistant', content: `no ${count}` }, finish_reason: 'stop' },
    ];
    response.writeHead(200, { 'content-type': 'application/json', age: '77' });
    response.end(
      `${JSON.stringify({ id: `c${count}`, object: 'chat.completion', choices, usage }, null, 1)}\n`,
    );
  };
}

const alice = (cache: CacheRules | null = on, more = {}) => credential('alice', { cache, ...more });

test('a kept answer is given byte by byte, and told from the first one', async (t) => {
  const { chat, asked: sent, last } = await servedWithKeys(t, numbered(), [alice()]);
  const first = await chat({ ...asked, user: 'one' });
  assert.equal(first.headers['x-llmproxy-cache'], 'miss');
  assert.deepEqual(last()?.cache, { result: 'miss', ageMs: null, saved: null, savedTokens: null });
  const second = await chat({ user: 'two', ...asked });
  assert.deepEqual(second.body, first.body);
  assert.equal(second.headers['content-type'], 'application/json');
  assert.equal(second.headers['x-llmproxy-cache'], 'hit');
  assert.match(second.headers.age ?? '', /^\d$/);
  assert.equal(second.headers['x-llmproxy-provider'], 'main');
  assert.equal(second.headers['x-llmproxy-attempts'], '0');
  assert.equal(second.headers['x-llmproxy-cost'], '0');
  assert.notEqual(second.headers['x-request-id'], first.headers['x-request-id']);
  assert.equal(sent.length, 1);
  const record = last();
  assert.ok(record);
  assert.equal(record.cache?.result, 'hit');
  assert.equal(record.cache?.savedTokens, 15);
  assert.deepEqual(
    [record.status, record.complete, record.attempts, record.usage, record.uncounted],
    [200, true, 0, null, null],
  );
  assert.deepEqual([record.provider, record.modelSent, record.model], ['main', 'm', 'm']);
});

test('a stream is given again as a stream, byte by byte', async (t) => {
  const { chat, asked: sent, last } = await servedWithKeys(t, numbered(), [alice()]);
  const first = await chat(streamed);
  const second = await chat(streamed);
  assert.equal(second.headers['x-llmproxy-cache'], 'hit');
  assert.deepEqual(second.body, first.body);
  assert.match(second.body.toString(), /no 1[\s\S]*"usage"[\s\S]*\[DONE\]\n\n$/);
  assert.equal(second.headers['content-type'], 'text/event-stream; charset=utf-8');
  assert.equal(second.headers['content-length'], undefined);
  assert.equal(second.whole, true);
  assert.equal(last()?.stream, true);
  assert.equal(sent.length, 1);
});

test('a stream whose usage was asked for by the gateway is kept as the client got it', async (t) => {
  const { chat } = await servedWithKeys(t, numbered(), [alice()]);
  const body = { ...asked, stream: true };
  const first = await chat(body);
  assert.doesNotMatch(first.body.toString(), /"usage"/);
  const second = await chat(body);
  assert.equal(second.headers['x-llmproxy-cache'], 'hit');
  assert.deepEqual(second.body, first.body);
});

test('streams and whole answers, models and questions have answers of their own', async (t) => {
  const { resultOf, asked: sent } = await servedWithKeys(t, numbered(), [alice()]);
  for (const body of [
    asked,
    { ...asked, stream: true },
    streamed,
    { ...asked, model: 'other' },
    { ...asked, max_tokens: 3 },
    { ...asked, messages: [{ role: 'user', content: 'hi ' }] },
  ]) {
    assert.equal(await resultOf(body), 'miss', JSON.stringify(body));
    assert.equal(await resultOf(body), 'hit', JSON.stringify(body));
  }
  assert.equal(sent.length, 6);
});

test('equal bodies of two endpoints, or of two names of a model, are two questions', async (t) => {
  const { resultOf } = await servedWithKeys(t, numbered(), [alice()], {
    more: { model_mapping: { m: 'sent', other: 'sent' } },
  });
  const body = { model: 'm', input: 'hi' };
  for (const path of ['/v1/embeddings', '/v1/moderations', '/v1/rerank']) {
    assert.equal(await resultOf(body, { path }), 'miss', path);
    assert.equal(await resultOf(body, { path }), 'hit', path);
  }
  assert.equal(await resultOf(asked), 'miss');
  assert.equal(await resultOf({ ...asked, model: 'other' }), 'miss');
});

test('headers and parameters that reach the provider are part of the question', async (t) => {
  const { resultOf } = await servedWithKeys(t, numbered(), [alice()], {
    more: { provider_params: { forward_headers: ['x-tenant'] } },
  });
  assert.equal(await resultOf(asked), 'miss');
  for (const headers of [
    { 'openai-beta': 'a' },
    { 'openai-beta': 'b' },
    { 'x-tenant': '1' },
    { 'x-tenant': '2' },
  ]) {
    assert.equal(await resultOf(asked, { headers }), 'miss', JSON.stringify(headers));
    assert.equal(await resultOf(asked, { headers }), 'hit', JSON.stringify(headers));
  }
  const [beta, tenant] = [{ 'openai-beta': 'c' }, { 'x-tenant': '3' }];
  assert.equal(await resultOf(asked, { headers: { ...beta, ...tenant } }), 'miss');
  assert.equal(await resultOf(asked, { headers: { ...tenant, ...beta } }), 'hit');
  const path = '/v1/chat/completions?reasoning=1';
  assert.equal(await resultOf(asked, { path }), 'miss');
  assert.equal(await resultOf(asked, { path }), 'hit');
  for (const headers of [
    { 'user-agent': 'x' },
    { 'x-stainless-retry-count': '1' },
    { 'x-request-id': 'a' },
    { 'x-other': '1' },
    { traceparent: `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01` },
  ]) {
    assert.equal(await resultOf(asked, { headers }), 'hit', JSON.stringify(headers));
  }
});

test('only answers that the key has kept are kept', async (t) => {
  const keys = [
    alice(null),
    credential('off', { id: 2, cache: { mode: 'off' } }),
    credential('ask', { id: 3, cache: { mode: 'ask' } }),
    credential('all', { id: 4, cache: { mode: 'on', requests: 'all' } }),
    credential('some', { id: 5, cache: { mode: 'on', models: ['m*'] } }),
  ];
  const { resultOf, last } = await servedWithKeys(t, numbered(), keys);
  const twice = async (key: string, body: object = asked, header?: string) => {
    const headers: Record<string, string> = header ? { 'x-llmproxy-cache': header } : {};
    return [await resultOf(body, { key, headers }), await resultOf(body, { key, headers })];
  };
  assert.deepEqual(await twice('alice', asked, 'on'), [null, null]);
  assert.equal(last()?.cache, null);
  assert.deepEqual(await twice('off', asked, 'on'), [null, null]);
  assert.deepEqual(await twice('ask'), ['bypass', 'bypass']);
  assert.deepEqual(await twice('ask', asked, 'on'), ['miss', 'hit']);
  assert.deepEqual(await twice('ask', asked, 'off'), ['bypass', 'bypass']);
  const sampled = { ...asked, temperature: 1 };
  assert.deepEqual(await twice('some', sampled), ['bypass', 'bypass']);
  assert.deepEqual(await twice('some', sampled, 'on'), ['miss', 'hit']);
  assert.deepEqual(await twice('all', sampled), ['miss', 'hit']);
  assert.deepEqual(await twice('all', { ...asked, store: true }), ['bypass', 'bypass']);
  assert.deepEqual(await twice('some', { ...asked, model: 'other' }), [null, null]);
});

test('a client decides whether it accepts cached answers, and whether its own is cached', async (t) => {
  const { chat, resultOf, asked: sent } = await servedWithKeys(t, numbered(), [alice()]);
  const control = (value: string) => ({ headers: { 'cache-control': value } });
  assert.equal(await resultOf(asked, control('no-store')), 'bypass');
  assert.equal(await resultOf(asked), 'miss', 'nothing was kept');
  assert.equal(await resultOf(asked, control('no-store')), 'bypass');
  const fresh = await chat(asked, control('no-cache'));
  assert.equal(fresh.headers['x-llmproxy-cache'], 'miss');
  assert.match(fresh.body.toString(), /no 4/);
  assert.match((await chat(asked)).body.toString(), /no 4/, 'the fresh one is kept');
  assert.equal(await resultOf(asked, control('max-age=60')), 'hit');
  assert.equal(sent.length, 4);
  const wrong = await chat(asked, { headers: { 'x-llmproxy-cache': 'maybe' } });
  assert.equal(wrong.status, 400);
  assert.match(wrong.body.toString(), /x-llmproxy-cache must be on or off/);
});

test('an answer is given for its time, and never longer than its reader takes it', async (t) => {
  const keys = [
    credential('long', { id: 1, team: 't', cache: { mode: 'on', scope: 'team' } }),
    credential('short', { id: 2, team: 't', cache: { mode: 'on', scope: 'team', ttl_ms: 1 } }),
  ];
  const { resultOf } = await servedWithKeys(t, numbered(), keys, { teams: [team('t')] });
  assert.equal(await resultOf(asked, { key: 'long' }), 'miss');
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(await resultOf(asked, { key: 'short' }), 'miss');
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(await resultOf(asked, { key: 'long' }), 'miss', 'that of the short one is over');
});

test('answers that are errors, or not whole, are not kept', async (t) => {
  let answer: Answer = numbered();
  const { resultOf } = await servedWithKeys(t, (r, w) => answer(r, w), [alice()]);
  const json =
    (status: number, body: string): Answer =>
    (_, response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  const stream =
    (text: string, ends = true): Answer =>
    (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(text);
      if (ends) response.end();
      else setTimeout(() => response.destroy(), 20);
    };
  const whole = chatStream();
  const bad: [object, Answer][] = [
    [asked, json(500, '{"error":{"message":"no"}}')],
    [asked, json(400, '{"error":{"message":"no"}}')],
    [asked, json(200, '{"error":{"message":"no","code":500}}')],
    [asked, json(201, '{"id":"x"}')],
    [streamed, stream(whole.slice(0, whole.indexOf('data:', 9)))],
    [streamed, stream(whole.slice(0, 300), false)],
    [
      streamed,
      stream(`${whole.slice(0, 150)}\n\ndata: {"error":{"message":"no"}}\n\ndata: [DONE]\n\n`),
    ],
    [streamed, json(200, '{"id":"no stream","choices":[]}')],
  ];
  for (const [index, [body, given]] of bad.entries()) {
    const body_ = { ...body, seed: index };
    answer = given;
    assert.equal(await resultOf(body_).catch(() => 'miss'), 'miss', `case ${index}`);
    answer = numbered();
    assert.equal(await resultOf(body_), 'miss', `case ${index} was kept`);
    assert.equal(await resultOf(body_), 'hit', `case ${index}`);
  }
});

test('an answer in which a guardrail found something is not kept, even if whole', async (t) => {
  const { resultOf, gateway } = await servedWithKeys(t, numbered(), [alice()]);
  const record = new RequestRecord({ header: () => '', method: 'POST' });
  const terms = {
    key: 'k',
    ttlMs: 1_000,
    maxAgeMs: 0,
    singleFlight: false,
    asker: { key: 'alice', team: null, model: 'm' },
    isOwn: () => true,
  };
  const [candidate] = gateway.snapshot.route('m')?.candidates ?? [];
  assert.ok(candidate);
  for (const [error, complete, status, kept] of [
    ['guardrail_skipped', true, 200, 0],
    [null, false, 200, 0],
    [null, true, 204, 0],
    [null, true, 200, 1],
  ] as const) {
    const use = new CacheUse(gateway.cache, terms);
    use.missed();
    use.collect({ contentType: '', stream: false, lost: null }, null)?.push(Buffer.from('x'));
    Object.assign(record, { cache: use, candidate, attempts: 1, error, complete, status });
    settleCache({ aborted: false }, record);
    assert.equal(gateway.cache.state.answers, kept, `${error} ${complete} ${status}`);
  }
  assert.equal(await resultOf(asked), 'miss');
});

test('an answer whose client left is not cached', async (t) => {
  let finish = () => {};
  const { chat, resultOf, gateway } = await servedWithKeys(
    t,
    (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chatStream().slice(0, 200));
      finish = () => response.end(chatStream().slice(200));
    },
    [alice()],
  );
  const leaving = new AbortController();
  const left = chat(streamed, { signal: leaving.signal }).catch(() => null);
  await until('the upstream', () => gateway.cache.open.size === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  leaving.abort();
  await left;
  await until('the end of the request', () => gateway.cache.open.size === 0);
  finish();
  assert.equal(gateway.cache.state.answers, 0);
  assert.equal(gateway.cache.store.lend(gateway.settings.cache.max_bytes), true);
  gateway.cache.store.takeBack(gateway.settings.cache.max_bytes);
  const next = resultOf(streamed);
  await until('the upstream', () => gateway.cache.open.size === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  finish();
  assert.equal(await next, 'miss');
});

test('an answer of a model that stands in for another one is not kept', async (t) => {
  const spare = await startUpstream(t, numbered());
  const other = provider('spare', { api_base: spare.url, model_mapping: { spare: 'spare' } });
  let fails = true;
  const ok = numbered();
  const { resultOf, last } = await servedWithKeys(
    t,
    (r, w) => (fails ? w.writeHead(500).end() : ok(r, w)),
    [alice()],
    {
      providers: [other],
      more: { model_mapping: { m: 'm' } },
      change: ({ routing }) => {
        routing.fallbacks = { m: ['spare'] };
      },
    },
  );
  assert.equal(await resultOf(asked), 'miss');
  assert.equal(last()?.provider, 'spare');
  assert.equal(last()?.status, 200);
  fails = false;
  assert.equal(await resultOf(asked), 'miss');
  assert.equal(last()?.provider, 'main');
  assert.equal(await resultOf(asked), 'hit');
});

test('another mapping of the model is another question', async (t) => {
  const { resultOf, gateway, rows } = await servedWithKeys(t, numbered(), [alice()]);
  assert.equal(await resultOf(asked), 'miss');
  assert.equal(await resultOf(asked), 'hit');
  const providers = rows.providers.map((one) => ({ ...one, model_mapping: { m: 'newer' } }));
  gateway.snapshot = buildSnapshot({ ...rows, providers }, 'other');
  assert.equal(await resultOf(asked), 'miss');
});

test('a key that may not use the model gets no kept answer of it', async (t) => {
  const shared: CacheRules = { mode: 'on', scope: 'all' };
  const keys = [
    alice(shared),
    credential('bob', { id: 2, cache: shared }),
    credential('limited', { id: 3, cache: shared, allowed_models: ['other'] }),
    credential('strict', { id: 4, cache: shared, losses: 'strict' }),
  ];
  const { chat, resultOf } = await servedWithKeys(t, numbered(), keys);
  assert.equal(await resultOf(asked), 'miss');
  assert.equal(await resultOf(asked, { key: 'bob' }), 'hit');
  assert.equal((await chat(asked, { key: 'limited' })).status, 403);
  assert.equal(await resultOf(asked, { key: 'strict' }), 'miss', 'losses may have been accepted');
});

test('an answer about a file of one key is not given to another one', async (t) => {
  const shared: CacheRules = { mode: 'on', scope: 'all' };
  const keys = [alice(shared), credential('bob', { id: 2, cache: shared })];
  const { resultOf } = await servedWithKeys(t, numbered(), keys);
  const file = { type: 'file', file: { file_id: 'file-1' } };
  const about = { ...asked, messages: [{ role: 'user', content: [file] }] };
  assert.equal(await resultOf(about), 'miss');
  assert.equal(await resultOf(about), 'hit');
  assert.equal(await resultOf(about, { key: 'bob' }), 'miss');
});

test('a kept answer counts as a request, and takes no tokens', async (t) => {
  const limits = { requests_per_day: 3, tokens_per_day: 2_000 };
  const { chat, resultOf } = await servedWithKeys(t, numbered(), [alice(on, { limits })]);
  assert.equal(await resultOf({ ...asked, max_tokens: 1_900 }), 'miss');
  // The rest of the tokens would not do for another one.
  const hit = await chat({ ...asked, max_tokens: 1_900 });
  assert.equal(hit.headers['x-llmproxy-cache'], 'hit');
  assert.equal(hit.headers['x-ratelimit-remaining-requests'], '1');
  assert.equal((await chat({ ...asked, max_tokens: 1_900 })).status, 200);
  const refused = await chat({ ...asked, max_tokens: 1_900 });
  assert.equal(refused.status, 429);
  assert.match(refused.body.toString(), /3 requests per day/);
});

test('bodies of kept answers are stored where the key has them stored', async (t) => {
  const { chat, last } = await servedWithKeys(t, numbered(), [alice(on, { store_bodies: true })]);
  const first = await chat(asked);
  await chat(asked);
  assert.equal(last()?.cache?.result, 'hit');
  assert.deepEqual(Buffer.from(last()?.bodies?.response.bytes ?? []), first.body);
});

test('a purge is also about what is still arriving', async (t) => {
  let finish = () => {};
  const { resultOf, gateway } = await servedWithKeys(
    t,
    (_, response) => {
      finish = () =>
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":1}');
    },
    [alice()],
  );
  for (const [index, { applies_to, after }] of [
    { applies_to: { key: 'bob' }, after: 1 },
    { applies_to: { key: 'alice' }, after: 0 },
    { applies_to: {}, after: 0 },
  ].entries()) {
    const body = { ...asked, seed: index };
    const asking = resultOf(body);
    await until('the provider', () => gateway.cache.open.size === 1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    gateway.cache.purge([{ id: index + 1, applies_to }]);
    finish();
    assert.equal(await asking, 'miss');
    assert.equal(gateway.cache.state.answers, after, JSON.stringify(applies_to));
  }
  gateway.cache.purge([{ id: 1, applies_to: {} }]);
  assert.equal(gateway.cache.purgedTo, 3);
});

test('memory is bounded while many large answers come at once', async (t) => {
  const maxBytes = 300_000;
  const { resultOf, gateway } = await servedWithKeys(
    t,
    (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`{"id":"${'x'.repeat(50_000)}"}`);
    },
    [alice()],
    {
      change: ({ cache }) => {
        cache.max_bytes = maxBytes;
        cache.max_answer_bytes = 60_000;
      },
    },
  );
  await Promise.all(Array.from({ length: 40 }, (_, seed) => resultOf({ ...asked, seed })));
  const { answers, bytes, evicted, kept } = gateway.cache.state;
  assert.ok(bytes <= maxBytes && answers >= 4, `${bytes} bytes`);
  assert.equal(kept - evicted, answers);
  assert.equal(gateway.cache.store.lend(maxBytes), true, 'nothing is lent any more');
});

test('an answer above the size limit is passed on, and not kept', async (t) => {
  const { chat } = await servedWithKeys(
    t,
    (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`{"id":"${'x'.repeat(50_000)}"}`);
    },
    [alice()],
    {
      change: ({ cache }) => {
        cache.max_answer_bytes = 50_000;
      },
    },
  );
  for (let i = 0; i < 2; i++) {
    const { headers, body } = await chat(asked);
    assert.equal(headers['x-llmproxy-cache'], 'miss');
    assert.equal(body.length, 50_009);
  }
});
