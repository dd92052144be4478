import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RequestTrace } from '../../../src/observe/request-event.js';
import { attemptSpanId, spanIdOf, traceIdOf } from '../../../src/observe/span-ids.js';
import { TraceContexts, traceHeaders } from '../../../src/proxy/request/trace-context.js';
import type { Exchange } from '../../../src/server/exchange.js';
import { requestIdOf } from '../../../src/server/request-id.js';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parent = '00f067aa0ba902b7';

interface Began {
  requestId: string;
  trace: RequestTrace;
}

/** Ids as the gateway makes them, unless the headers have one. */
function begin(headers: readonly string[], ratio = 1, contexts = new TraceContexts(ratio)): Began {
  const header = (name: string) => headers[headers.indexOf(name) + 1] ?? '';
  const found = (name: string) => (headers.includes(name) ? header(name) : '');
  const requestId = requestIdOf(found('x-request-id'));
  const exchange = { headers, header: found } as Exchange;
  return { requestId, trace: contexts.begin(exchange, requestId) };
}

test('a request without a traceparent begins a trace, whose id has the digits of its own', () => {
  const ids = new Set<string>();
  for (let i = 0; i < 1_000; i++) {
    const began = begin(['tracestate', 'a=1']);
    const [traceId, spanId] = [traceIdOf(began), spanIdOf(began)];
    assert.equal(traceId, began.requestId.replaceAll('-', ''));
    assert.equal(spanId, `${traceId.slice(-14)}00`);
    assert.equal(began.trace.parentSpanId, null);
    assert.equal(began.trace.state, null, 'a state without a parent means nothing');
    ids.add(traceId).add(spanId);
  }
  assert.equal(ids.size, 2_000);
});

test('a client that repeats its request id has a trace for each request', () => {
  const uuid = '0190c2a4-7d0e-7bb4-9f0e-0123456789ab';
  const ids = new Set<string>();
  for (const id of [uuid, uuid, 'mine', 'mine']) {
    const began = begin(['x-request-id', id]);
    assert.equal(began.requestId, id);
    assert.match(traceIdOf(began), /^[0-9a-f]{32}$/);
    assert.match(spanIdOf(began), /^[0-9a-f]{14}00$/);
    ids.add(traceIdOf(began)).add(spanIdOf(began));
  }
  assert.equal(ids.size, 8);
  const inTrace = ['traceparent', `00-${traceId}-${parent}-01`];
  const spans = [uuid, uuid].map((id) => spanIdOf(begin([...inTrace, 'x-request-id', id])));
  assert.notEqual(spans[0], spans[1]);
  assert.notEqual(spanIdOf(begin(inTrace)), spanIdOf(begin(inTrace)));
});

test('a request with a traceparent is in that trace, as sampled as its client says', () => {
  for (const [flags, isSampled] of [
    ['01', true],
    ['00', false],
    ['03', true],
    ['ff', true],
  ] as const) {
    for (const ratio of [0, 1]) {
      const began = begin(['traceparent', `00-${traceId}-${parent}-${flags}`], ratio);
      assert.equal(traceIdOf(began), traceId);
      assert.equal(began.trace.parentSpanId, parent);
      assert.equal(began.trace.isSampled, isSampled);
      assert.notEqual(spanIdOf(began), parent);
    }
  }
});

test('a later version of the header is read as far as it is known', () => {
  for (const end of ['', '-', '-what.the.future-holds']) {
    const began = begin(['traceparent', `cc-${traceId}-${parent}-01${end}`]);
    assert.equal(traceIdOf(began), traceId);
  }
});

test('an invalid traceparent begins a new trace without its state', () => {
  for (const invalid of [
    ...[`ff-${traceId}-${parent}-01`, `00-${traceId}-${parent}-01-more`, `00-${traceId}-${parent}`],
    ...[`00-${'0'.repeat(32)}-${parent}-01`, `00-${traceId}-${'0'.repeat(16)}-01`, 'x', '00'],
    ...[`00-${traceId.toUpperCase()}-${parent}-01`, ` 00-${traceId}-${parent}-01`],
    ...[`00-${traceId}-${parent}-0`, `00-${traceId}-${parent}-011`, `cc-${traceId}-${parent}-01.x`],
  ]) {
    const began = begin(['traceparent', invalid, 'tracestate', 'a=1']);
    assert.notEqual(traceIdOf(began), traceId, invalid);
    assert.equal(began.trace.parentSpanId, null);
    assert.equal(began.trace.state, null);
  }
});

test('no header makes it fail', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      const began = begin(['traceparent', a, 'tracestate', b, 'x-request-id', b]);
      assert.match(traceIdOf(began), /^[0-9a-f]{32}$/);
      assert.match(spanIdOf(began), /^[0-9a-f]{16}$/);
    }),
  );
});

test('the share of traces that are sampled is the ratio, and the same traces everywhere', () => {
  for (const headers of [[], ['x-request-id', 'mine']]) {
    const sampled = new Set<string>();
    const contexts = new TraceContexts(0.25);
    const began = Array.from({ length: 10_000 }, () => begin(headers, 0.25, contexts));
    for (const each of began) if (each.trace.isSampled) sampled.add(traceIdOf(each));
    assert.ok(sampled.size > 2_200 && sampled.size < 2_800, String(sampled.size));
    // Another gateway that sees them decides by the last digits, too.
    for (const each of began) {
      const share = Number.parseInt(traceIdOf(each).slice(-13), 16) / 16 ** 13;
      assert.equal(each.trace.isSampled, share < 0.25);
    }
    assert.ok(!began.slice(0, 1_000).some(() => begin(headers, 0).trace.isSampled));
    assert.ok(began.slice(0, 1_000).every(() => begin(headers, 1).trace.isSampled));
  }
});

test('a provider gets the span of its attempt, and the client’s trace state', () => {
  const { requestId, trace } = begin([
    ...['traceparent', `00-${traceId}-${parent}-01`],
    ...['tracestate', 'a=1,b=2', 'tracestate', '', 'tracestate', 'c=3'],
  ]);
  const [name, value, ...state] = traceHeaders(requestId, trace, 2);
  assert.equal(name, 'traceparent');
  assert.equal(value, `00-${traceId}-${attemptSpanId({ requestId, trace }, 2)}-01`);
  assert.deepEqual(state, ['tracestate', 'a=1,b=2,c=3']);
  const own = begin([], 0);
  assert.deepEqual(traceHeaders(own.requestId, own.trace, 1), [
    'traceparent',
    `00-${own.requestId.replaceAll('-', '')}-${spanIdOf(own).slice(0, 14)}01-00`,
  ]);
});

test('several traceparent headers begin a new trace', () => {
  const one = ['traceparent', `00-${traceId}-${parent}-01`];
  for (const others of [one, ['traceparent', ''], ['traceparent', 'x']]) {
    const began = begin([...one, ...others, 'tracestate', 'a=1']);
    assert.notEqual(traceIdOf(began), traceId);
    assert.equal(began.trace.state, null);
  }
});

const stateOf = (...values: string[]) =>
  begin([
    ...['traceparent', `00-${traceId}-${parent}-01`],
    ...values.flatMap((value) => ['tracestate', value]),
  ]).trace.state;

test('an invalid trace state is dropped as a whole, and the trace goes on', () => {
  const long = (length: number) => 'a'.repeat(length);
  for (const invalid of [
    ...[
      'a',
      'a=',
      '=1',
      'A=1',
      'a=b=c',
      'a=1,b',
      'a b=1',
      'a =1',
      'a=1;b=2,?=1',
      'a=ü',
      'a=\u0001',
    ],
    ...[
      'a@b@c=1',
      '@a=1',
      'a@=1',
      'a@1b=1',
      `${long(257)}=1`,
      `${long(242)}@b=1`,
      `a@${long(15)}=1`,
    ],
    ...[`a=${long(257)}`, Array.from({ length: 33 }, (_, i) => `k${i}=1`).join()],
  ]) {
    assert.equal(stateOf(invalid), null, invalid);
    assert.equal(stateOf('a=1', invalid), null, invalid);
  }
  const began = begin(['traceparent', `00-${traceId}-${parent}-01`, 'tracestate', 'A']);
  assert.equal(traceIdOf(began), traceId);
});

test('a valid trace state is passed on, in the order of its members', () => {
  const long = (length: number) => 'a'.repeat(length);
  for (const valid of [
    ...['a=1', '0a=1', 'a@b=1', '0a_-*/@b_-*/=1', 'a= !~', 'a=b c', 'b=2,a=1'],
    ...[`${long(256)}=1`, `${long(241)}@${long(14)}=1`, `a=${long(256)}`],
    Array.from({ length: 32 }, (_, i) => `k${i}=1`).join(),
  ]) {
    assert.equal(stateOf(valid), valid);
  }
  assert.equal(stateOf(' a=1 \t,, \t b=2,', '', ',c=3'), 'a=1,b=2,c=3');
  assert.equal(stateOf('a=1,b=2', 'a=3'), 'a=1,b=2', 'a key twice');
  assert.equal(stateOf(', ,'), null);
});

test('a trace state that is too long loses whole members: long ones first, then the last', () => {
  const member = (name: string, length: number) => `${name}=`.padEnd(length, 'x');
  const four = ['a', 'b', 'c', 'd'].map((name) => member(name, 127));
  assert.equal(four.join().length, 511);
  assert.equal(stateOf(...four, 'e=1'), four.join());
  assert.equal(stateOf(member('f', 129), ...four), four.join());
  assert.equal(stateOf(member('f', 128), ...four), [member('f', 128), ...four.slice(0, 3)].join());
  assert.equal(
    stateOf(member('a', 256), member('b', 255)),
    `${member('a', 256)},${member('b', 255)}`,
  );
  assert.equal(stateOf(member('a', 256), member('b', 256)), member('a', 256));
});

test('the spans of a request have different ids', () => {
  const of = (spanId: string | null) =>
    Array.from({ length: 256 }, (_, number) =>
      attemptSpanId({ requestId: begin([]).requestId, trace: { traceId: null, spanId } }, number),
    );
  const ids = of('0123456789abcd00');
  assert.equal(new Set(ids).size, 256);
  assert.equal(ids[0], '0123456789abcd00');
  assert.equal(ids[17], '0123456789abcd11');
  assert.equal(new Set(of(null)).size, 256);
});
