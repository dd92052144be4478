import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logLineOf } from '../../src/observe/log-line.js';
import { finished } from './usage/finished.js';

const requestId = '0190c2a4-7d0e-7bb4-9f0e-0123456789ab';
const trace = {
  ...{ traceId: null, spanId: null, parentSpanId: null, state: null },
  ...{ isSampled: true, sentMs: null, waits: null },
};

test('the line of a request names its place in a trace', () => {
  const traceOf = (changes: Partial<typeof trace> | null) => {
    const event = finished({ requestId, trace: changes && { ...trace, ...changes } });
    const line = logLineOf(event, { level: 'debug', requests: true });
    assert.equal(line?.fields.requestId, requestId);
    assert.equal('trace' in line.fields, false);
    return line.trace;
  };
  const own = { traceId: '0190c2a47d0e7bb49f0e0123456789ab', spanId: '0e0123456789ab00' };
  assert.deepEqual(traceOf({}), { ...own, isSampled: true });
  assert.deepEqual(traceOf({ isSampled: false }), { ...own, isSampled: false });
  assert.equal(traceOf(null), null);
});
