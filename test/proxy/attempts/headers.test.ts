import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answerHeaders,
  clientHeaders,
  upstreamHeaders,
} from '../../../src/proxy/attempts/headers.js';
import { compileForwards } from '../../../src/routing/forwarded-headers.js';

const fixed = ['authorization', 'Bearer provider-key', 'x-org', 'ours'];
const fixedNames = new Set(['authorization', 'x-org']);

const forwards = compileForwards(['x-team', 'x-a', 'x-hop', 'x-other', 'x-acme-*', 'x-ap*']);
const wire = { headers: fixed, headerNames: fixedNames, defaults: [], forwards };

function sent(...received: string[]): string[] {
  return upstreamHeaders(received, wire, 'id-1');
}

const always = [...fixed, 'x-request-id', 'id-1'];

test('the provider gets its own credential and never the client’s, nor its cookies', () => {
  assert.deepEqual(
    sent(
      ...['authorization', 'Bearer client', 'x-api-key', 'client', 'api-key', 'client'],
      ...['x-goog-api-key', 'client'],
      ...['cookie', 'a=b', 'proxy-authorization', 'Basic x', 'x-org', 'theirs'],
    ),
    always,
  );
});

test('headers of one connection are not passed on, also those that Connection names', () => {
  assert.deepEqual(
    sent(
      ...['connection', 'X-Hop , close', 'x-hop', '1', 'connection', 'x-other', 'x-other', '2'],
      ...['keep-alive', '5', 'te', 'trailers', 'trailer', 'x', 'transfer-encoding', 'chunked'],
      ...['upgrade', 'h2c', 'expect', '100-continue', 'content-length', '3', 'host', 'gateway'],
    ),
    always,
  );
});

test('other headers are passed on as they came, repeated ones too', () => {
  const received = ['content-type', 'application/json', 'x-a', '1', 'x-a', '2', 'openai-beta', 'b'];
  assert.deepEqual(sent(...received), [...always, ...received]);
});

test('a body that was read as JSON is sent as JSON, whatever type a client names', () => {
  const typed = (...types: string[]) =>
    upstreamHeaders(
      types.flatMap((type) => ['content-type', type]),
      wire,
      'id-1',
      true,
    ).slice(always.length);
  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset="UTF-8"',
  ]) {
    assert.deepEqual(typed(type), ['content-type', type]);
    assert.deepEqual(typed(type, 'application/x-www-form-urlencoded'), ['content-type', type]);
  }
  for (const type of [
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=b',
    'application/json; charset=utf-7',
    'application/json, multipart/form-data; boundary=b',
    'text/plain',
    '',
  ]) {
    assert.deepEqual(typed(type), ['content-type', 'application/json'], type);
    assert.deepEqual(typed(type, type), ['content-type', 'application/json'], type);
  }
  assert.deepEqual(typed(), []);
});

test('the place in a trace replaces that of the client, unless the provider has its own', () => {
  const client = ['traceparent', 'theirs', 'accept', 'a', 'tracestate', 'x=1', 'tracestate', 'y=2'];
  const trace = ['traceparent', 'ours', 'tracestate', 'x=1,y=2'];
  const headers = upstreamHeaders(client, wire, 'id-1', false, trace);
  assert.deepEqual(headers, [...always, 'accept', 'a', ...trace]);
  assert.deepEqual(upstreamHeaders([], wire, 'id-1', false, trace), [...always, ...trace]);
  const fixedTrace = { ...wire, headerNames: new Set(['traceparent']) };
  assert.deepEqual(upstreamHeaders(client, fixedTrace, 'id-1', false, trace.slice(0, 2)), [
    ...[...always, 'accept', 'a'],
  ]);
  assert.deepEqual(sent(...client), [...always, ...client], 'without traces all of it passes');
});

test('a provider gets the client’s headers of the API, and those that it is configured to get', () => {
  const api = [
    ...['accept', 'content-type', 'user-agent', 'idempotency-key', 'openai-beta', 'anthropic-beta'],
    ...['x-stainless-lang', 'http-referer', 'x-title', 'traceparent', 'x-client-request-id'],
    ...['x-team', 'x-acme-1'],
  ];
  const others = [
    ...['cf-connecting-ip', 'cf-access-jwt-assertion', 'cdn-loop', 'true-client-ip', 'x-client-ip'],
    ...['x-forwarded-for', 'x-forwarded-client-cert', 'x-auth-request-user', 'x-goog-iap-jwt'],
    ...[
      'x-amzn-oidc-data',
      'x-real-ip',
      'forwarded',
      'via',
      'origin',
      'referer',
      'accept-encoding',
    ],
    ...['openai-organization', 'openai-project', 'x-unknown', 'sec-fetch-mode', 'content-encoding'],
    // Not even by a configured prefix.
    ...['x-api-key'],
  ];
  const passed = api.flatMap((name) => [name, '1']);
  assert.deepEqual(sent(...others.flatMap((name) => [name, '1']), ...passed), [
    ...always,
    ...passed,
  ]);
  const named = compileForwards(['openai-organization', 'x-*']);
  assert.deepEqual(
    ['openai-organization', 'openai-project', 'x-anything', 'x-api-key', 'x-request-id'].map(named),
    [true, false, true, false, false],
  );
});

test('a header that the provider wants is added where the client set none', () => {
  const defaults = ['anthropic-version', '2023-06-01'];
  const wanting = { ...wire, defaults };
  const own = ['anthropic-version', '2026-10-21'];
  assert.deepEqual(upstreamHeaders([], wanting, 'id-1'), [...always, ...defaults]);
  assert.deepEqual(upstreamHeaders(own, wanting, 'id-1'), [...always, ...own]);
  const value = ['x-a', 'anthropic-version'];
  assert.deepEqual(upstreamHeaders(value, wanting, 'id-1'), [...always, ...value, ...defaults]);
});

test('the gateway names the request: a client’s id is not sent twice', () => {
  assert.deepEqual(sent('x-request-id', 'theirs'), always);
});

test('headers for browsers, origins and proxies, and those of another gateway, are not passed on', () => {
  const names = [
    ...['www-authenticate', 'accept-ch', 'origin-trial', 'speculation-rules', 'set-login'],
    ...['attribution-reporting-register-source', 'permissions-policy-report-only'],
    ...['content-security-policy-report-only', 'feature-policy', 'x-webkit-csp'],
    ...['strict-transport-security', 'alt-svc', 'nel', 'report-to', 'clear-site-data', 'refresh'],
    ...['access-control-allow-origin', 'access-control-x', 'set-cookie', 'location'],
    ...['x-llmproxy-provider', 'x-llmproxy-anything', 'content-security-policy', 'set-cookie2'],
    ...['x-accel-redirect', 'x-accel-limit-rate', 'x-sendfile', 'x-lighttpd-send-file'],
    ...['x-reproxy-url', 'surrogate-control', 'cdn-cache-control', 'cloudflare-cdn-cache-control'],
    ...['use-as-dictionary', 'sec-session-registration', 'secure-session-challenge'],
    ...['document-isolation-policy', 'require-document-policy'],
  ];
  const received = Object.fromEntries(names.map((name) => [name, '1']));
  const kept = { 'x-a': '2', 'x-accel-buffering': 'no' };
  assert.deepEqual(answerHeaders({ ...received, ...kept }, 'id-1'), [
    ...['x-request-id', 'id-1', 'x-a', '2', 'x-accel-buffering', 'no'],
  ]);
  assert.ok(clientHeaders(received, 'id-1').includes('location'), 'our own are passed on');
});

test('the client gets the provider’s headers without framing, cookies and connection matters', () => {
  const received = {
    'content-type': 'application/json',
    'content-length': '2',
    'transfer-encoding': 'chunked',
    connection: 'x-hop',
    'x-hop': '1',
    'set-cookie': ['a=b'],
    'x-request-id': 'theirs',
    'x-ratelimit-remaining-tokens': '10',
  };
  assert.deepEqual(clientHeaders(received, 'id-1'), [
    ...['x-request-id', 'id-1', 'content-type', 'application/json'],
    ...['x-upstream-request-id', 'theirs', 'x-ratelimit-remaining-tokens', '10'],
  ]);
});

test('a provider that repeats headers, even Connection, is passed on', () => {
  const received = { connection: ['close', 'x-hop'], 'x-hop': '1', via: ['a', 'b'] };
  // Node's type allows only a text; undici gives a list for a repeated header.
  const headers = clientHeaders(received as unknown as { via: string }, 'id-1');
  assert.deepEqual(headers, ['x-request-id', 'id-1', 'via', 'a', 'via', 'b']);
});
