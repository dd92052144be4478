import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { noClasses, type TokenUsage, type UsageClasses } from '../../../src/dialects/usage.js';
import type { TracedRequest } from '../../../src/observe/otlp/span-attributes.js';
import { SpanEncoder } from '../../../src/observe/otlp/span-encoder.js';
import { spansOf } from '../../../src/observe/otlp/spans.js';
import type { QueueWait, RequestTrace } from '../../../src/observe/request-event.js';
import { finished } from '../usage/finished.js';
import {
  counting,
  expectedOf,
  exported,
  official,
  ofModel,
  options,
  providers,
} from './spans-for-test.js';

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
const ms = fc.double({ min: 0, max: 100_000, noNaN: true });
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null, freq: 3 });
const count = fc.oneof(fc.nat(3), fc.constantFrom(127, 128, 16_383, 16_384), fc.nat(3_000_000));
const usages: fc.Arbitrary<TokenUsage> = fc.record({
  promptTokens: count,
  completionTokens: count,
  classes: maybe(
    fc
      .record({ cacheRead: count, cacheWrite5m: count, cacheWrite1h: count, reasoning: count })
      .map((some) => ({ ...noClasses, ...some })),
  ),
});
/** Few different texts, so that many are alike. */
const text = fc.constantFrom('a', 'b', 'ü'.repeat(70), 'gen_ai.usage.input_tokens', 'x\ny');
const attemptLog = fc.record({
  provider: text,
  model: text,
  outcome: fc.constantFrom('answered', 'refused', 'timeout'),
  status: maybe(fc.constantFrom(200, 429, 500)),
  reason: maybe(text),
  atMs: ms,
  tookMs: ms,
});

function cached(result: 'hit' | 'miss') {
  return { result, ageMs: null, saved: null, savedTokens: null };
}

/** Only from ids of the gateway's own. */
function isDerived({ traceId, spanId }: Pick<RequestTrace, 'traceId' | 'spanId'>): boolean {
  return traceId === null || spanId === null;
}

const requests: fc.Arbitrary<TracedRequest> = fc
  .record({
    event: fc.record({
      requestId: fc.oneof(fc.uuid(), fc.constantFrom('r', 'x'.repeat(128))),
      startedAt: fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 }),
      totalMs: ms,
      upstreamMs: ms,
      firstTokenMs: maybe(fc.oneof(ms, fc.constant(1_000))),
      attempts: fc.constantFrom(0, 1, 1, 1, 2),
      attemptsLog: fc.option(fc.array(attemptLog, { maxLength: 3 }), { nil: null, freq: 9 }),
      status: fc.constantFrom(200, 200, 200, 404, 502),
      error: maybe(fc.constantFrom('upstream_failed')),
      stream: fc.boolean(),
      complete: fc.boolean(),
      provider: fc.constantFrom('main', 'main', 'other', null),
      model: maybe(text),
      modelSent: maybe(text),
      team: maybe(text),
      user: maybe(text),
      tags: fc.constantFrom([], ['a'], ['a', 'b']),
      credential: maybe(fc.constantFrom('app', 'bpp', 'ü').map((name) => ({ id: 1, name }))),
      cache: maybe(fc.constantFrom('hit', 'miss').map(cached)),
    }),
    trace: fc.record({
      traceId: maybe(hex(32)),
      spanId: maybe(hex(14).map((id) => `${id}00`)),
      parentSpanId: maybe(hex(16)),
      state: fc.constantFrom(null, null, null, 'a=1'),
      isSampled: fc.boolean(),
      sentMs: maybe(ms),
      waits: fc.constantFrom<QueueWait[] | null>(null, null, [
        { provider: null, atMs: 1, tookMs: 2 },
      ]),
    }),
    ownId: fc.uuid({ version: 7 }),
    usage: maybe(usages),
    cost: maybe(fc.oneof(fc.nat(5_000_000), fc.constantFrom(0, 2e9))),
  })
  .map(({ event, ownId, trace, usage, cost }) => ({
    event: { ...finished(event as object), trace, ...(isDerived(trace) && { requestId: ownId }) },
    usage,
    charge: cost === null ? null : { cost, currency: 'USD', priceRevision: 'p' },
    text: null,
  }));

test('exports are byte for byte what the official encoder makes of the same spans', () => {
  const encoder = new SpanEncoder(official, options);
  fc.assert(
    fc.property(fc.array(requests, { minLength: 1, maxLength: 20 }), (batch) => {
      // Each once more: the third of a kind is the first that is made from another one.
      for (const all of [batch, [...batch, ...batch].reverse()]) {
        assert.deepEqual(exported(encoder, all), expectedOf(all));
      }
    }),
    { numRuns: 300 },
  );
});

test('similar requests differ only in ids, times, counts and names of the same length', () => {
  const encoder = new SpanEncoder(official, options);
  const [base] = fc.sample(requests, { numRuns: 1, seed: 7 });
  const plain = { attemptsLog: null, attempts: 1, provider: 'main', stream: true, status: 200 };
  const alike = fc
    .record({
      ...{ trace: hex(32), span: hex(14), at: fc.nat(1e9), ms, sent: ms, tokens: fc.nat(126) },
      ...{ key: hex(7), team: hex(3), user: hex(9) },
    })
    .map(({ trace, span, at, ms: totalMs, sent, tokens, key, team, user }): TracedRequest => {
      const event = finished({
        ...plain,
        ...{ credential: { id: 1, name: key }, team, user },
        startedAt: 1.8e12 + at,
        totalMs,
        firstTokenMs: sent + 0.5,
      });
      return {
        ...(base as TracedRequest),
        event: {
          ...event,
          requestId: trace,
          trace: {
            ...{ traceId: trace, spanId: `${span}00`, parentSpanId: null, state: null },
            ...{ isSampled: true, sentMs: sent, waits: null },
          },
        },
        usage: { promptTokens: tokens + 1, completionTokens: 300 + tokens },
        charge: { cost: 10 * tokens + 1, currency: 'USD', priceRevision: 'p' },
      };
    });
  const { encoder: counted, encoded } = counting();
  const batch = fc.sample(alike, { numRuns: 200, seed: 1 });
  assert.deepEqual(exported(encoder, batch), expectedOf(batch));
  exported(counted, batch);
  assert.equal(encoded(), 2, 'one to see it, one to make the template');
});

test('an attempt keeps its status where only the gateway has an error to tell', () => {
  const trace = {
    ...{ traceId: 'a'.repeat(32), spanId: `${'b'.repeat(14)}00`, parentSpanId: null },
    ...{ state: null, isSampled: true, sentMs: 1, waits: null },
  };
  const attemptOf = (changes: Parameters<typeof finished>[0]) => {
    const request = { usage: null, charge: null, text: null };
    const [, attempt] = spansOf({ event: { ...finished(changes), trace }, ...request }, options);
    return [attempt?.attributes['http.response.status_code'], attempt?.status.code];
  };
  assert.deepEqual(attemptOf({ error: 'guardrail_skipped' }), [200, 0]);
  assert.deepEqual(attemptOf({ error: 'upstream_failed', complete: false }), [200, 2]);
  const refused = { error: 'guardrail_blocked', status: 400, complete: false };
  assert.deepEqual(attemptOf(refused), [undefined, 0], 'the status is the gateway’s own');
});

test('only so many kinds are remembered, and none with long texts', () => {
  const { encoder, encoded } = counting();
  const times = (model: string) => {
    const before = encoded();
    for (let i = 0; i < 4; i++) encoder.encode(ofModel(model));
    return encoded() - before;
  };
  assert.equal(times('first'), 2);
  assert.equal(times('first'), 0);
  assert.equal(times('x'.repeat(5_000)), 4);
  for (let i = 0; i < 1_998; i++) encoder.encode(ofModel(`m${i}`));
  assert.equal(times('first'), 0);
  encoder.encode(ofModel('one more'));
  assert.equal(times('first'), 2);
});

test('kinds of requests are remembered beside each other', () => {
  const { encoder, encoded } = counting();
  const base = ofModel('m');
  const changes: Partial<TracedRequest['event']>[] = [
    ...[{}, { model: 'n' }, { model: null }, { provider: 'other' }, { provider: null }],
    ...[{ endpoint: '/v1/embeddings' }, { status: 404 }, { team: 'x' }, { team: null, user: 'x' }],
    ...[{ tags: ['a'] }, { tags: ['b'] }, { tags: ['a', 'b'] }, { tags: ['b', 'a'] }],
    ...[{ credential: null }, { credential: { id: 1, name: 'x' } }, { requestId: 'r-2345' }],
    { stream: true, firstTokenMs: 1.5 },
  ];
  const kinds = changes.map((more) => ({ ...base, event: { ...base.event, ...more } }));
  for (let times = 0; times < 5; times++) exported(encoder, kinds);
  assert.equal(encoded(), 2 * kinds.length);
});

test('a provider that has moved is named as it is now', () => {
  const { encoder, encoded } = counting();
  const request = ofModel('m');
  for (const port of [443, 443, 443, 8443, 8443]) {
    if (providers.main.port !== port) providers.main = { ...providers.main, port };
    assert.deepEqual(exported(encoder, [request]), expectedOf([request]));
  }
  assert.equal(encoded(), 3);
});

test('requests that differ in a single property are not treated as similar', () => {
  const encoder = new SpanEncoder(official, options);
  const trace = {
    ...{ traceId: 'a'.repeat(32), spanId: `${'b'.repeat(14)}00`, parentSpanId: null },
    ...{ state: null, isSampled: true, sentMs: 1, waits: null },
  };
  const usage = { promptTokens: 5, completionTokens: 7 };
  const charge = { cost: 1_500, currency: 'USD', priceRevision: 'p' } as const;
  const base: TracedRequest = {
    event: { ...finished({ error: 'upstream_failed', stream: true, firstTokenMs: 3 }), trace },
    ...{ usage, charge, text: null },
  };
  const ofEvent: Partial<TracedRequest['event']>[] = [
    ...[
      { complete: false },
      { status: 500 },
      { error: null },
      { stream: false },
      { method: 'GET' },
    ],
    ...[{ endpoint: '/v1/embeddings' }, { model: 'x' }, { modelSent: 'x' }, { provider: 'x' }],
    ...[{ credential: null }, { team: 'x' }, { user: 'x' }, { tags: ['x'] }, { attempts: 2 }],
    ...[{ credential: { id: 1, name: 'bob' } }, { credential: { id: 1, name: 'älice' } }],
    ...[{ requestId: 'longer than that' }, { firstTokenMs: null }, { firstTokenMs: 1_001 }],
    ...[{ cache: cached('hit') }, { translation: { to: 'x', lost: null } }],
    { trace: { ...trace, state: 'a=1' } },
    { trace: { ...trace, isSampled: false } },
    { trace: { ...trace, parentSpanId: 'c'.repeat(16) } },
    { trace: { ...trace, waits: [{ provider: null, atMs: 0, tookMs: 1 }] } },
  ];
  const others: Partial<TracedRequest>[] = [
    ...[{ usage: null }, { charge: null }, { text: { request: 'q', response: 'r' } }],
    { usage: { ...usage, promptTokens: 200 } },
    { usage: { ...usage, classes: { ...noClasses, cacheRead: 3 } } },
    { charge: { ...charge, cost: 0 } },
    ...ofEvent.map((changes) => ({ event: { ...base.event, ...changes } })),
  ];
  for (const change of others) {
    const batch = [base, base, base, { ...base, ...change }, base];
    assert.deepEqual(exported(encoder, batch), expectedOf(batch), JSON.stringify(change));
  }
});

test('requests with other attributes are not treated as similar', () => {
  const encoder = new SpanEncoder(official, options);
  const { event, ...rest } = ofModel('m');
  const { trace } = event;
  const inTrace = { ...trace, isSampled: false, parentSpanId: 'c'.repeat(16) };
  const cut = { ...event, complete: false };
  const charge = { cost: 0, currency: 'USD', priceRevision: 'p' } as const;
  const used = (changes: Partial<UsageClasses>) => ({
    ...{ ...rest, event },
    usage: {
      ...{ promptTokens: 5, completionTokens: 7 },
      classes: { ...noClasses, cacheRead: 1, cacheWrite5m: 1, reasoning: 1, ...changes },
    },
  });
  const pairs: [TracedRequest, TracedRequest][] = [
    [used({}), used({ cacheRead: 0 })],
    [used({}), used({ cacheWrite5m: 0 })],
    [used({}), used({ reasoning: 0 })],
    [used({}), { ...used({}), usage: { promptTokens: 5, completionTokens: 7 } }],
    [
      { ...rest, charge, event: { ...cut, trace: { ...inTrace, parentSpanId: null } } },
      {
        ...{ ...rest, event: { ...cut, trace: inTrace } },
        usage: { promptTokens: 1, completionTokens: 1 },
      },
    ],
  ];
  for (const [one, other] of pairs) {
    const batch = [one, one, one, other, other, other, one];
    assert.deepEqual(exported(encoder, batch), expectedOf(batch));
  }
});
