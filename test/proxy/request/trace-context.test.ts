import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { attemptSpanId } from '../../../src/observe/attempt-span-id.js';
import { TraceContexts, traceHeaders } from '../../../src/proxy/request/trace-context.js';
import type { Exchange } from '../../../src/server/exchange.js';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parent = '00f067aa0ba902b7';

function begin(headers: readonly string[], ratio = 1) {
  const header = (name: string) => headers[headers.indexOf(name) + 1] ?? '';
  const found = (name: string) => (headers.includes(name) ? header(name) : '');
  return new TraceContexts(ratio).begin({ headers, header: found } as Exchange);
}

test('a request without a traceparent begins a trace', () => {
  const contexts = new TraceContexts(1);
  const exchange = { headers: ['tracestate', 'a=1'], header: () => '' } as unknown as Exchange;
  const ids = new Set<string>();
  for (let i = 0; i < 1_000; i++) {
    const trace = contexts.begin(exchange);
    assert.match(trace.traceId, /^[0-9a-f]{32}$/);
    assert.match(trace.spanId, /^[0-9a-f]{14}00$/);
    assert.equal(trace.parentSpanId, null);
    assert.equal(trace.state, null, 'a state without a parent means nothing');
    ids.add(trace.traceId).add(trace.spanId);
  }
  assert.equal(ids.size, 2_000);
});

test('a request with a traceparent is in that trace, as sampled as its client says', () => {
  for (const [flags, isSampled] of [
    ['01', true],
    ['00', false],
    ['03', true],
    ['ff', true],
  ] as const) {
    for (const ratio of [0, 1]) {
      const trace = begin(['traceparent', `00-${traceId}-${parent}-${flags}`], ratio);
      assert.equal(trace.traceId, traceId);
      assert.equal(trace.parentSpanId, parent);
      assert.equal(trace.isSampled, isSampled);
      assert.notEqual(trace.spanId, parent);
    }
  }
});

test('a later version of the header is read as far as it is known', () => {
  for (const end of ['', '-', '-what.the.future-holds']) {
    assert.equal(begin(['traceparent', `cc-${traceId}-${parent}-01${end}`]).traceId, traceId);
  }
});

test('an invalid traceparent begins a new trace without its state', () => {
  for (const invalid of [
    ...[`ff-${traceId}-${parent}-01`, `00-${traceId}-${parent}-01-more`, `00-${traceId}-${parent}`],
    ...[`00-${'0'.repeat(32)}-${parent}-01`, `00-${traceId}-${'0'.repeat(16)}-01`, 'x', '00'],
    ...[`00-${traceId.toUpperCase()}-${parent}-01`, ` 00-${traceId}-${parent}-01`],
    ...[`00-${traceId}-${parent}-0`, `00-${traceId}-${parent}-011`, `cc-${traceId}-${parent}-01.x`],
  ]) {
    const trace = begin(['traceparent', invalid, 'tracestate', 'a=1']);
    assert.notEqual(trace.traceId, traceId, invalid);
    assert.equal(trace.parentSpanId, null);
    assert.equal(trace.state, null);
  }
});

test('no header makes it fail', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      const trace = begin(['traceparent', a, 'tracestate', b]);
      assert.match(trace.traceId, /^[0-9a-f]{32}$/);
    }),
  );
});

test('the share of traces that are sampled is the ratio, and the same traces everywhere', () => {
  const [some, others] = [new TraceContexts(0.25), new TraceContexts(0.5)];
  const none = { headers: [], header: () => '' } as unknown as Exchange;
  let sampled = 0;
  for (let i = 0; i < 10_000; i++) if (some.begin(none).isSampled) sampled++;
  assert.ok(sampled > 2_200 && sampled < 2_800, String(sampled));
  let both = 0;
  for (let i = 0; i < 1_000; i++) if (others.begin(none).isSampled) both++;
  assert.ok(both > 400 && both < 600, String(both));
  for (let i = 0; i < 1_000; i++) {
    assert.equal(begin([], 0).isSampled, false);
    assert.equal(begin([], 1).isSampled, true);
  }
});

test('a provider gets the span of its attempt, and the client’s trace state', () => {
  const trace = begin([
    ...['traceparent', `00-${traceId}-${parent}-01`],
    ...['tracestate', 'a=1,b=2', 'tracestate', '', 'tracestate', 'c=3'],
  ]);
  const [name, value, ...state] = traceHeaders(trace, 2);
  assert.equal(name, 'traceparent');
  assert.equal(value, `00-${traceId}-${attemptSpanId(trace.spanId, 2)}-01`);
  assert.deepEqual(state, ['tracestate', 'a=1,b=2,c=3']);
  assert.deepEqual(traceHeaders({ ...trace, state: null, isSampled: false }, 1), [
    'traceparent',
    `00-${traceId}-${attemptSpanId(trace.spanId, 1)}-00`,
  ]);
});

test('several traceparent headers begin a new trace', () => {
  const one = ['traceparent', `00-${traceId}-${parent}-01`];
  for (const others of [one, ['traceparent', ''], ['traceparent', 'x']]) {
    const trace = begin([...one, ...others, 'tracestate', 'a=1']);
    assert.notEqual(trace.traceId, traceId);
    assert.equal(trace.state, null);
  }
});

const stateOf = (...values: string[]) =>
  begin([
    ...['traceparent', `00-${traceId}-${parent}-01`],
    ...values.flatMap((value) => ['tracestate', value]),
  ]).state;

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
  assert.equal(
    begin(['traceparent', `00-${traceId}-${parent}-01`, 'tracestate', 'A']).traceId,
    traceId,
  );
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
  assert.equal(stateOf(member('f', 128), ...four), [member('f', 128), ...four.slice(0, 2)].join());
  assert.equal(
    stateOf(member('a', 256), member('b', 255)),
    `${member('a', 256)},${member('b', 255)}`,
  );
  assert.equal(stateOf(member('a', 256), member('b', 256)), member('a', 256));
});

test('the spans of a request have different ids', () => {
  const ids = Array.from({ length: 256 }, (_, number) => attemptSpanId('0123456789abcd00', number));
  assert.equal(new Set(ids).size, 256);
  assert.equal(ids[0], '0123456789abcd00');
  assert.equal(ids[17], '0123456789abcd11');
});
