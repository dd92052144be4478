import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { noClasses, type TokenUsage } from '../../../src/dialects/usage.js';
import {
  createTraceState,
  ProtobufTraceSerializer,
  resourceFromAttributes,
} from '../../../src/observe/otlp/official.js';
import type { TracedRequest } from '../../../src/observe/otlp/span-attributes.js';
import { SpanEncoder } from '../../../src/observe/otlp/span-encoder.js';
import { type SpanOptions, spansOf } from '../../../src/observe/otlp/spans.js';
import type { QueueWait, RequestTrace } from '../../../src/observe/request-event.js';
import { finished } from '../usage/finished.js';

const providers = { main: { system: 'openai', host: 'example.com', port: 443 } };
const options: SpanOptions = {
  resource: resourceFromAttributes({ 'service.name': 'llmproxy', 'host.name': 'a' }),
  scope: { name: 'llmproxy', version: '1.2.3', schemaUrl: 'https://example.com/1' },
  scheme: 'https',
  stateOf: createTraceState,
  providerOf: (key) => (key === 'main' ? providers.main : null),
};
const official = ProtobufTraceSerializer.serializeRequest;

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
      credential: maybe(fc.constant({ id: 1, name: 'app' })),
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
        const expected = official(all.flatMap((request) => spansOf(request, options)));
        assert.deepEqual(Buffer.from(encoder.encode(all)), Buffer.from(expected ?? []));
      }
    }),
    { numRuns: 300 },
  );
});

test('similar requests differ only in ids, times and counts', () => {
  const encoder = new SpanEncoder(official, options);
  const [base] = fc.sample(requests, { numRuns: 1, seed: 7 });
  const plain = { attemptsLog: null, attempts: 1, provider: 'main', stream: true, status: 200 };
  const alike = fc
    .record({ trace: hex(32), span: hex(14), at: fc.nat(1e9), ms, sent: ms, tokens: fc.nat(126) })
    .map(({ trace, span, at, ms: totalMs, sent, tokens }): TracedRequest => {
      const event = finished({
        ...plain,
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
  let encoded = 0;
  const counting = new SpanEncoder((spans) => {
    encoded++;
    return official(spans);
  }, options);
  const batch = fc.sample(alike, { numRuns: 200, seed: 1 });
  const expected = official(batch.flatMap((request) => spansOf(request, options)));
  assert.deepEqual(Buffer.from(encoder.encode(batch)), Buffer.from(expected ?? []));
  counting.encode(batch);
  assert.equal(encoded, 2, 'one to see it, one to make the template');
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

test('a provider that has moved is named as it is now', () => {
  const moved = { ...options };
  const encoder = new SpanEncoder(official, moved);
  const [request] = fc.sample(requests, { numRuns: 1, seed: 3 }) as [TracedRequest];
  request.event = { ...request.event, provider: 'main', attempts: 1, attemptsLog: null };
  request.event.trace = { ...request.event.trace, waits: null, state: null };
  for (const port of [443, 443, 443, 8443, 8443]) {
    if (providers.main.port !== port) providers.main = { ...providers.main, port };
    const expected = official(spansOf(request, options));
    assert.deepEqual(Buffer.from(encoder.encode([request])), Buffer.from(expected ?? []));
  }
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
    const expected = official(batch.flatMap((request) => spansOf(request, options)));
    const encoded = Buffer.from(encoder.encode(batch));
    assert.deepEqual(encoded, Buffer.from(expected ?? []), JSON.stringify(change));
  }
});
