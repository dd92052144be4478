import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cookieValue, setCookie } from '../../../src/admin/session/cookie.js';

test('the cookie of a session is for this site, for no script, and behind TLS for TLS only', () => {
  assert.deepEqual(setCookie('session', 'abc', 90_500, false), {
    'set-cookie': 'llmproxy_session=abc; Max-Age=90; HttpOnly; SameSite=Strict',
  });
  assert.deepEqual(setCookie('session', 'abc', -1, true), {
    'set-cookie': '__Secure-llmproxy_session=abc; Max-Age=0; HttpOnly; SameSite=Strict; Secure',
  });
  assert.match(setCookie('oidc', 's', 1_000, true)['set-cookie'] ?? '', /; SameSite=Lax; Secure$/);
});

test('behind TLS, a cookie that was set without it does not count', () => {
  const both = 'other=1; llmproxy_session=plain; __Secure-llmproxy_session=secure';
  assert.equal(cookieValue('session', both, false), 'plain');
  assert.equal(cookieValue('session', both, true), 'secure');
  assert.equal(cookieValue('session', 'llmproxy_session=plain', true), null);
  assert.equal(cookieValue('session', 'xllmproxy_session=plain', false), null);
  assert.equal(cookieValue('session', 'llmproxy_session=', false), null);
  assert.equal(cookieValue('oidc', both, false), null);
  assert.equal(cookieValue('session', undefined, false), null);
});
