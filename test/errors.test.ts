import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, errorTable, GatewayError, toGatewayError } from '../src/errors.js';

test('every error is a client or server error in the shape of the OpenAI API', () => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const error = new GatewayError(code, 'what went wrong');
    assert.ok(error.status >= 400 && error.status < 600);
    assert.match(error.type, /^([a-z]+(_[a-z]+)*_error|insufficient_quota)$/);
    assert.match(code, /^[a-z]+(_[a-z]+)*$/);
    assert.deepEqual(JSON.parse(error.toBody()), {
      error: { message: 'what went wrong', type: error.type, param: null, code },
    });
  }
});

test('an error names the field and carries headers where it has them', () => {
  const error = new GatewayError('rate_limit_exceeded', 'slow down', {
    param: 'model',
    headers: { 'retry-after': '1' },
  });
  assert.equal(JSON.parse(error.toBody()).error.param, 'model');
  assert.deepEqual(error.headers, { 'retry-after': '1' });
});

test('a foreign error becomes an internal error without its details', () => {
  for (const thrown of [new Error('password hush'), 'hush', null, undefined]) {
    const error = toGatewayError(thrown);
    assert.equal(error.code, 'internal_error');
    assert.equal(error.status, 500);
    assert.equal(error.cause, thrown);
    assert.ok(!error.toBody().includes('hush'));
  }
  const own = new GatewayError('not_found', 'x');
  assert.equal(toGatewayError(own), own);
});
