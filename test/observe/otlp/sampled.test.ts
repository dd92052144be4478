import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isExported } from '../../../src/observe/otlp/sampled.js';
import type { RequestFinished } from '../../../src/observe/request-event.js';
import { finished } from '../usage/finished.js';

const trace = {
  ...{ traceId: 't', spanId: 's', parentSpanId: null, state: null, sentMs: null, waits: null },
  isSampled: false,
};
const failed: Partial<RequestFinished>[] = [
  { error: 'upstream_failed', status: 502 },
  { error: 'upstream_failed', status: 200, complete: false },
  { status: 400 },
  { attemptsLog: [] },
];

test('sampled requests are exported, whatever their outcome', () => {
  for (const changes of [{}, ...failed, { credential: null }]) {
    const event = finished(changes);
    assert.ok(isExported(event, { ...trace, isSampled: true }, { errors: false, slowMs: null }));
  }
});

test('failed requests are exported unsampled, if configured', () => {
  const exported = (changes: Partial<RequestFinished>, errors = true) =>
    isExported(finished(changes), trace, { errors, slowMs: null });
  for (const changes of failed) {
    assert.equal(exported(changes), true);
    assert.equal(exported(changes, false), false);
    assert.equal(
      exported({ ...changes, credential: null }),
      false,
      'anybody can fail without a key',
    );
  }
  for (const changes of [{}, { status: 399 }, { status: 499, complete: false }]) {
    assert.equal(exported(changes), false);
  }
});

test('unsampled requests are exported if they were slow', () => {
  const exported = (totalMs: number, slowMs: number | null) =>
    isExported(finished({ totalMs }), trace, { errors: false, slowMs });
  assert.equal(exported(1_001, 1_000), true);
  assert.equal(exported(1_000, 1_000), false);
  assert.equal(exported(1_000_000, null), false);
});
