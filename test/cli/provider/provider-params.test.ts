import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergePatch } from '../../../src/changes/merge-patch.js';
import { type ParamFlags, paramsPatch } from '../../../src/cli/provider/provider-params.js';

test('flags change the parameters that they name, and an empty value removes one', () => {
  const before = {
    priority: 1,
    timeouts: { total_ms: 5, idle_ms: 7 },
    headers: { 'x-old': 'enc:v1:old', 'X-Kept': 'enc:v1:kept' },
    probe: { interval_ms: 1_000 },
  };
  const paramsAfter = (params: object, flags: ParamFlags) =>
    mergePatch(params, paramsPatch(flags) ?? {});
  assert.equal(paramsPatch({}), undefined);
  const after = paramsAfter(before, {
    priority: 0,
    maxConcurrency: 4,
    timeout: ['total=90s', 'first-byte=2m', 'connect=250ms', 'idle='],
    header: ['x-team: re: search', 'x-old:'],
    param: ['stream_usage=false', 'probe.model=gpt-4o', 'model_timeouts={"a.b":{"idle_ms":1}}'],
  });
  assert.deepEqual(after, {
    priority: 0,
    max_concurrency: 4,
    timeouts: { total_ms: 90_000, first_byte_ms: 120_000, connect_ms: 250 },
    headers: { 'X-Kept': 'enc:v1:kept', 'x-team': 're: search' },
    probe: { interval_ms: 1_000, model: 'gpt-4o' },
    stream_usage: false,
    model_timeouts: { 'a.b': { idle_ms: 1 } },
  });
  assert.deepEqual(paramsAfter(before, { param: ['probe.interval_ms=', 'priority='] }), {
    timeouts: before.timeouts,
    headers: before.headers,
  });
  assert.deepEqual(paramsAfter({}, { timeout: ['total=1h'] }), {
    timeouts: { total_ms: 3_600_000 },
  });
  assert.equal(before.headers['x-old'], 'enc:v1:old');
});

test('malformed parameters are refused, and a header is never quoted', () => {
  for (const timeout of ['total', 'total=x', 'all=1s', 'total=1d', 'total=1']) {
    assert.throws(() => paramsPatch({ timeout: [timeout] }), /^CliError: --timeout: "/);
  }
  for (const header of ['secret', ': secret', '']) {
    assert.throws(
      () => paramsPatch({ header: [header] }),
      (error: Error) => {
        return /--header: /.test(error.message) && !error.message.includes('secret');
      },
    );
  }
  for (const param of ['x', '=1', 'a..b=1', '.a=1']) {
    assert.throws(() => paramsPatch({ param: [param] }), /--param: it is not/);
  }
});
