import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noClasses } from '../../src/dialects/usage.js';
import { RequestBatch, unpackRequests } from '../../src/observe/packed-requests.js';
import type { RequestFinished } from '../../src/observe/request-event.js';

const request: RequestFinished = {
  type: 'request_finished',
  requestId: 'r',
  startedAt: 1,
  method: 'POST',
  endpoint: '/v1/chat/completions',
  credential: { id: null, name: 'k' },
  team: null,
  user: null,
  session: 's 1',
  tags: [],
  model: 'm',
  modelSent: 'n',
  provider: 'p',
  attempts: 2,
  attemptsLog: [
    {
      provider: 'q',
      model: 'm',
      outcome: 'refused',
      status: 500,
      reason: null,
      atMs: 0,
      tookMs: 1,
    },
  ],
  attemptsEnd: null,
  translation: null,
  configVersion: 3,
  rateLimit: 10,
  status: 200,
  error: null,
  stream: true,
  totalMs: 4.5,
  upstreamMs: 4,
  firstTokenMs: 2,
  complete: true,
  trace: {
    ...{ traceId: 't', spanId: 's', parentSpanId: 'u', state: 'a=1', isSampled: true, sentMs: 0.5 },
    waits: [{ provider: null, atMs: 0.1, tookMs: 0.2 }],
  },
  prefers: 'b',
  cache: { result: 'hit', ageMs: 5, saved: null, savedTokens: 7 },
  spend: { budgets: 'h 0  1', reserved: 500, worker: 0 },
  usage: {
    ...{ promptTokens: 5, completionTokens: 0 },
    classes: { ...noClasses, input: 1, cacheRead: 4, tier: 'flex' },
  },
  uncounted: null,
  bodies: null,
  need: null,
  guardrails: null,
  mirror: null,
};

test('finished requests come out of their packed form as they went in', () => {
  const uncounted = {
    operation: 'chat' as const,
    request: Buffer.from('q'),
    answer: [],
    truncated: false,
  };
  const body = { bytes: Buffer.from('b'), totalBytes: 2 };
  const derived = { traceId: null, spanId: null, parentSpanId: null, state: null, waits: null };
  const client = {
    ...{ provider: 'p', model_sent: 'n', status: 200, failed: false, upstream_ms: 1 },
    ...{ first_token_ms: null, completion_tokens: 2, cost_nano: null },
  };
  const events = [
    request,
    { ...request, bodies: { request: body, response: body }, attemptsEnd: 'over' as const },
    { ...request, team: 'chat', user: 'u 1', tags: ['a,b', 'c'] },
    { ...request, tags: ['c'], need: { input: 1, output: 2, nano: 3 } },
    { ...request, mirror: { mirror: 'n', client, score: 0.5 } },
    { ...request, translation: { to: 'openai.chat', lost: null } },
    { ...request, translation: { to: 'openai.chat', lost: 'top_k=dropped' } },
    { ...request, credential: null, usage: null, uncounted, attemptsLog: null },
    { ...request, credential: { id: 7, name: '' }, model: null, provider: null, rateLimit: null },
    { ...request, trace: { ...derived, isSampled: false, sentMs: null } },
    { ...request, requestId: 'p', method: 'GET', error: 'no_key', firstTokenMs: null, status: 0 },
  ];
  const batch = new RequestBatch();
  // More than the initial capacity; then once with fewer.
  for (const count of [100, 3]) {
    const many = Array.from({ length: count }, (_, i) => events[i % events.length] ?? request);
    for (const event of many) batch.add(event);
    // Copied at once, as sending does: later additions to the batch must not show.
    const sent = structuredClone(batch.take());
    assert.equal(batch.size, 0);
    assert.deepEqual(
      unpackRequests(sent),
      many.map((event) => structuredClone(event)),
    );
  }
  assert.deepEqual(unpackRequests(batch.take()), []);
});
