import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Loss } from '../../src/dialects/codec.js';
import { checkLosses, lossHeader, stricter } from '../../src/dialects/translate/loss-policy.js';
import { GatewayError } from '../../src/errors.js';

const dropped: Loss = { kind: 'dropped', field: 'top_k', reason: 'has no counterpart' };
const rejected: Loss = { kind: 'rejected', field: 'n', reason: 'asks for more than one answer' };

test('strict refuses any loss and names it; other policies refuse only what cannot be sent', () => {
  assert.throws(
    () => checkLosses([dropped, rejected], 'strict', 'anthropic.messages'),
    (error) =>
      error instanceof GatewayError &&
      error.code === 'invalid_request' &&
      error.param === 'top_k' &&
      /'top_k' has no counterpart; 'n' asks/.test(error.message),
  );
  for (const policy of ['warn', 'allow'] as const) {
    checkLosses([dropped], policy, 'anthropic.messages');
    assert.throws(() => checkLosses([dropped, rejected], policy, 'gemini.generate'), {
      param: 'n',
    });
  }
  checkLosses([], 'strict', 'openai.chat');
});

test('the header names each loss once, within its bounds and in ASCII', () => {
  assert.equal(lossHeader([]), null);
  assert.equal(lossHeader([dropped, dropped, rejected]), 'top_k=dropped, n=rejected');
  const many = Array.from({ length: 500 }, (_, i) => ({ ...dropped, field: `é${i}` }));
  const value = lossHeader(many) ?? '';
  assert.ok(value.length <= 1100);
  assert.match(value, /^\?0=dropped, [\x20-\x7e]+$/);
});

test('the stricter policy of key and provider counts; by default losses are reported', () => {
  assert.equal(stricter(null, null), 'warn');
  for (const policy of ['strict', 'warn', 'allow'] as const) {
    assert.equal(stricter(policy, null), policy);
    assert.equal(stricter(null, policy), policy);
    assert.equal(stricter(policy, policy), policy);
  }
  assert.equal(stricter('allow', 'warn'), 'warn');
  assert.equal(stricter('strict', 'allow'), 'strict');
  assert.equal(stricter('warn', 'strict'), 'strict');
});
