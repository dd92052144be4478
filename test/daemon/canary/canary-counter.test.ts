import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Canary, newCanary } from '../../../src/config/rows/canary.js';
import { resolveSettings } from '../../../src/config/settings/settings.js';
import { CanaryCounter } from '../../../src/daemon/canary/canary-counter.js';
import type { AttemptLog, RequestFinished } from '../../../src/observe/request-event.js';
import { latencyBucket } from '../../../src/observe/statistics.js';
import { provider } from '../../config/configuration-for-test.js';
import { finished } from '../../observe/usage/finished.js';

function counting(fields: Partial<Canary>, ...events: Partial<RequestFinished>[]) {
  const counter = new CanaryCounter(resolveSettings({}, '/').settings.routing);
  const canary = { ...newCanary, name: 'c', from_provider: 'a', to_provider: 'b', ...fields };
  const providers = [provider('a'), provider('b', { model_mapping: { m: 'm-at-b', n: 'n-at-b' } })];
  counter.configured({ canaries: [canary], providers });
  for (const event of events) {
    counter.record(finished({ model: 'm', provider: 'a', modelSent: 'm', attempts: 1, ...event }));
  }
  const counted = counter.take();
  return {
    counter,
    counted,
    sums: counted.map(({ side, requests, errors, slow }) => [side, requests, errors, slow]).sort(),
  };
}

const attempt = (fields: Partial<AttemptLog>): AttemptLog => ({
  ...{ provider: 'b', model: 'm-at-b', outcome: 'refused', status: 500, reason: null },
  ...{ atMs: 0, tookMs: 10 },
  ...fields,
});
const moved = { provider: 'b', modelSent: 'm-at-b' };

test('requests are counted for the side that they went to', () => {
  const { sums } = counting({}, {}, {}, moved, { provider: 'z' }, { model: null });
  assert.deepEqual(sums, [
    ['from', 2, 0, 0],
    ['to', 1, 0, 0],
  ]);
});

test('a failure counts even where another provider makes up for it', () => {
  const attemptsLog = [
    attempt({}),
    attempt({ provider: 'a', model: 'm', outcome: 'answered', status: 200 }),
  ];
  const { sums } = counting({}, { attempts: 2, attemptsLog });
  assert.deepEqual(sums, [
    ['from', 1, 0, 0],
    ['to', 1, 1, 0],
  ]);
});

test('failures caused by a client count against no provider', () => {
  const logs = (fields: Partial<AttemptLog>) => ({ ...moved, attemptsLog: [attempt(fields)] });
  assert.deepEqual(counting({}, logs({ status: 400 })).sums, [['to', 1, 0, 0]]);
  assert.deepEqual(counting({}, logs({ status: 404 })).sums, [['to', 1, 1, 0]]);
  assert.deepEqual(counting({}, logs({ outcome: 'timeout', status: null })).sums, [
    ['to', 1, 1, 0],
  ]);
  assert.deepEqual(counting({}, logs({ outcome: 'aborted', status: null })).sums, []);
  assert.deepEqual(counting({}, { ...moved, status: 499 }).sums, []);
});

test('refusals that blame the client are counted apart', () => {
  const refusedOf = (fields: Partial<RequestFinished>) =>
    counting({}, { ...moved, ...fields }).counted[0]?.refused;
  const log = (fields: Partial<AttemptLog>) => refusedOf({ attemptsLog: [attempt(fields)] });
  assert.equal(refusedOf({ status: 400, error: 'provider_error' }), 1);
  assert.equal(refusedOf({ status: 400, error: 'guardrail_blocked' }), 0);
  assert.equal(refusedOf({ status: 200 }), 0);
  assert.equal(refusedOf({ status: 200, error: 'provider_error' }), 0, 'a stream that broke');
  assert.equal(log({ status: 400 }), 1);
  assert.equal(log({ status: 500 }), 0);
  assert.equal(log({ outcome: 'answered', status: 200 }), 0);
  const { counter, counted } = counting({}, {}, { status: 400, error: 'provider_error' });
  const usual = counted.map(({ side, requests, refused }) => [side, requests, refused]);
  assert.deepEqual(usual, [['from', 2, 1]]);
  counter.putBack(counted);
  counter.putBack(counted);
  assert.equal(counter.take()[0]?.refused, 2, 'counts that could not be stored');
});

test('a stream that its provider broke off is a failure, one that others ended is not', () => {
  const broken = { ...moved, status: 200, complete: false };
  const errorsOf = (error: string) => counting({}, { ...broken, error }).sums[0]?.[2];
  for (const error of ['upstream_failed', 'upstream_timeout', 'provider_error']) {
    assert.equal(errorsOf(error), 1, error);
  }
  // A kill switch, the client, and guardrails that refuse or cannot check.
  const others = ['stopped', 'stalled_reader', 'guardrail_blocked', 'guardrail_skipped'];
  for (const error of others) assert.equal(errorsOf(error), 0, error);
});

test('a whole answer that broke before it was passed on is a failure, a relayed refusal is not', () => {
  const ended = (fields: Partial<RequestFinished>) =>
    counting({}, { ...moved, complete: false, ...fields }).sums;
  assert.deepEqual(ended({ status: 502, error: 'upstream_failed' }), [['to', 1, 1, 0]]);
  assert.deepEqual(ended({ status: 400, error: 'provider_error' }), [['to', 1, 0, 0]]);
});

test('only the last of several answers broke off', () => {
  const answered = attempt({ outcome: 'answered', status: 200 });
  const attemptsLog = [{ ...answered, provider: 'a', model: 'm' }, answered];
  const { sums } = counting(
    {},
    { attemptsLog, attempts: 2, status: 200, error: 'upstream_failed' },
  );
  assert.deepEqual(sums, [
    ['from', 1, 0, 0],
    ['to', 1, 1, 0],
  ]);
});

test('latency is the time until the answer began, and slow where it is longer than the bound', () => {
  const { counter } = counting({});
  assert.deepEqual(counter.take(), []);
  const bound = { max_latency_ms: 100 };
  const took = (firstTokenMs: number) => ({ ...moved, firstTokenMs, upstreamMs: 5_000 });
  assert.deepEqual(counting(bound, took(100), took(101)).sums, [['to', 2, 0, 1]]);
  const queued = { ...took(5_000), upstreamMs: 50 };
  assert.deepEqual(
    counting(bound, queued).sums,
    [['to', 1, 0, 0]],
    'its wait is not the provider’s',
  );
  const run = new CanaryCounter(resolveSettings({}, '/').settings.routing);
  run.configured({
    canaries: [{ ...newCanary, name: 'c', from_provider: 'a', to_provider: 'b' }],
    providers: [provider('b')],
  });
  run.record(finished({ model: 'm', attempts: 1, ...took(40), modelSent: 'm' }));
  const counted = run.take();
  assert.deepEqual(counted[0]?.latency, { [latencyBucket(40)]: 1 });
  run.putBack(counted);
  run.putBack(counted);
  assert.deepEqual(run.take()[0]?.latency, { [latencyBucket(40)]: 2 });
});

test('only its model counts, and at one provider the model tells the sides apart', () => {
  assert.deepEqual(counting({ model: 'x' }, {}, moved).sums, []);
  const same = { from_provider: 'b', to_provider: 'b', model: 'm', to_model: 'n' };
  const { sums } = counting(same, moved, { provider: 'b', modelSent: 'n-at-b' });
  assert.deepEqual(sums, [
    ['from', 1, 0, 0],
    ['to', 1, 0, 0],
  ]);
});

test('copies, and canaries that do not run, count nothing', () => {
  const client = {
    ...{ provider: 'a', model_sent: 'm', status: 200, failed: false, upstream_ms: 1 },
    ...{ first_token_ms: 1, completion_tokens: 1, cost_nano: 1 },
  };
  assert.deepEqual(
    counting({}, { ...moved, mirror: { mirror: 'n', client, score: null } }).sums,
    [],
  );
  assert.deepEqual(counting({ state: 'stopped' }, moved).sums, []);
  assert.deepEqual(counting({}, { attempts: 0 }).sums, []);
});
