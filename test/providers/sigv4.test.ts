import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  authorization,
  canonicalRequest,
  signAws,
  signingKeys,
} from '../../src/providers/sigv4.js';
import { signingVectors } from './aws-signing-vectors.js';

const keys = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: null,
};
const scope = { region: 'us-east-1', service: 'service' };
const time = '20150830T123600Z';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

test('every vector of AWS’s test suite has its canonical request and its signature', () => {
  assert.ok(signingVectors.length > 25);
  for (const vector of signingVectors) {
    const { name, method, path, body, token, signBody, canonical, signature } = vector;
    const bodyHash = sha256(body);
    const headers: [string, string][] = [...vector.headers, ['X-Amz-Date', time]];
    if (token) headers.push(['X-Amz-Security-Token', token]);
    if (signBody) headers.push(['x-amz-content-sha256', bodyHash]);
    const parts = { method, path, headers, bodyHash };
    assert.equal(canonicalRequest(parts).text, canonical, name);
    const value = authorization(parts, keys.accessKeyId, scope, signingKeys(keys, scope), time);
    assert.equal(/Signature=(\w+)$/.exec(value)?.[1], signature, name);
  }
});

test('a request is signed with host, content type and what is AWS’s own, and nothing else', () => {
  const sign = signAws(keys, scope);
  const nowMs = Date.UTC(2015, 7, 30, 12, 36);
  const request = { method: 'GET', host: 'example.amazonaws.com', path: '/', body: null };
  const vanilla = signingVectors.find(({ name }) => name === 'get-vanilla');
  assert.deepEqual(sign({ ...request, headers: ['accept', 'a', 'x-request-id', 'b'] }, nowMs), [
    ...['x-amz-date', time, 'authorization'],
    'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ' +
      `SignedHeaders=host;x-amz-date, Signature=${vanilla?.signature}`,
  ]);
  const more = sign({ ...request, headers: ['content-type', 'a/b', 'x-amz-x', 'y'] }, nowMs);
  assert.match(more[3] ?? '', /SignedHeaders=content-type;host;x-amz-date;x-amz-x,/);
});

test('the token of a session is sent and signed; another day has another key', () => {
  const vector = signingVectors.find(({ token }) => token) ?? assert.fail();
  const sign = signAws({ ...keys, sessionToken: vector.token ?? '' }, scope);
  const request = { method: 'GET', host: 'example.amazonaws.com', path: '/', headers: [] };
  const nowMs = Date.UTC(2015, 7, 30, 12, 36);
  const added = sign({ ...request, body: null }, nowMs);
  assert.deepEqual(added.slice(2, 4), ['x-amz-security-token', vector.token]);
  assert.ok(added[5]?.endsWith(`Signature=${vector.signature}`));
  const dayMs = 86_400_000;
  const next = sign({ ...request, body: null }, nowMs + dayMs);
  assert.match(next[5] ?? '', /\/20150831\/us-east-1/);
  const fresh = signAws({ ...keys, sessionToken: vector.token ?? '' }, scope);
  assert.deepEqual(fresh({ ...request, body: null }, nowMs + dayMs), next);
  assert.deepEqual(sign({ ...request, body: null }, nowMs), added, 'and back');
});

test('the body counts, and each segment of a path is encoded once more', () => {
  const sign = signAws(keys, { region: 'us-east-1', service: 'bedrock' });
  const request = { method: 'POST', host: 'h', path: '/', headers: [] };
  const [one, two, same] = ['a', 'b', Buffer.from('a')].map(
    (body) => sign({ ...request, body }, 0)[3],
  );
  assert.notEqual(one, two);
  assert.equal(one, same);
  const path = '/model/a%3A0%2Fb/converse';
  const { text } = canonicalRequest({ method: 'POST', path, headers: [], bodyHash: '' });
  assert.equal(text.split('\n')[1], '/model/a%253A0%252Fb/converse');
  const marks = canonicalRequest({ method: 'GET', path: "/a!'()*", headers: [], bodyHash: '' });
  assert.equal(marks.text.split('\n')[1], '/a%21%27%28%29%2A');
});
