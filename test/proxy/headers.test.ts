import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientHeaders, requestIdOf, upstreamHeaders } from '../../src/proxy/headers.js';

const fixed = ['authorization', 'Bearer provider-key', 'x-org', 'ours'];
const fixedNames = new Set(['authorization', 'x-org']);

function sent(...received: string[]): string[] {
  return upstreamHeaders(
    received,
    { headers: fixed, headerNames: fixedNames, defaults: [] },
    'id-1',
  );
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

test('what concerns one connection is not passed on, also where Connection names it', () => {
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

test('a header that the provider wants is added where the client set none', () => {
  const defaults = ['anthropic-version', '2023-06-01'];
  const wire = { headers: fixed, headerNames: fixedNames, defaults };
  const own = ['anthropic-version', '2026-10-21'];
  assert.deepEqual(upstreamHeaders([], wire, 'id-1'), [...always, ...defaults]);
  assert.deepEqual(upstreamHeaders(own, wire, 'id-1'), [...always, ...own]);
  const value = ['x-a', 'anthropic-version'];
  assert.deepEqual(upstreamHeaders(value, wire, 'id-1'), [...always, ...value, ...defaults]);
});

test('the gateway names the request: a client’s id is not sent twice', () => {
  assert.deepEqual(sent('x-request-id', 'theirs'), always);
});

test('an id is taken from the client only where it is safe to pass on', () => {
  assert.equal(requestIdOf('req_1:a/b'), 'req_1:a/b');
  assert.equal(requestIdOf('x'.repeat(128)).length, 128);
  for (const bad of ['', 'a b', 'a\nb', 'ä', 'x'.repeat(129)]) {
    assert.match(requestIdOf(bad), /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  }
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
  // Node's type says one text; undici gives a list where a header is repeated.
  const headers = clientHeaders(received as unknown as { via: string }, 'id-1');
  assert.deepEqual(headers, ['x-request-id', 'id-1', 'via', 'a', 'via', 'b']);
});
