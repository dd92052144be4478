import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyScanner } from '../../../src/dialects/body/body-scanner.js';
import { maxOutputIn, userIn, userName } from '../../../src/dialects/body/said.js';
import type { Dialect } from '../../../src/dialects/dialect.js';
import { modelEndpoints } from '../../../src/dialects/endpoints.js';

function read(pattern: string, body: object | string) {
  const endpoint = modelEndpoints.find((one) => one.pattern === pattern);
  assert.ok(endpoint);
  const { dialect }: { dialect: Dialect } = endpoint;
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const scanner = new BodyScanner(dialect.members, dialect.said.tops);
  scanner.push(bytes);
  const place = { model: 'm', stream: false };
  const request = dialect.readHead(bytes, scanner.finish(), place);
  return { user: userIn(request, dialect.said), output: maxOutputIn(request, dialect.said) };
}

const chat = '/v1/chat/completions';
const gemini = '/v1beta/models/{model}:generateContent';

test('the end user of a request is where its API has it', () => {
  for (const [pattern, body, user] of [
    [chat, { user: 'u' }, 'u'],
    [chat, { user: 'u', safety_identifier: 's' }, 's'],
    [chat, { user: 'u', safety_identifier: 7 }, 'u'],
    [chat, { user: '  ' }, null],
    [chat, { user: ['u'] }, null],
    [chat, { metadata: { user_id: 'm' } }, null],
    ['/v1/embeddings', { user: 'u' }, 'u'],
    ['/v1/images/generations', { user: 'u' }, 'u'],
    ['/v1/responses', { safety_identifier: 's' }, 's'],
    ['/v1/responses', { user: 'u' }, 'u'],
    ['/v1/messages', { metadata: { user_id: 'm' } }, 'm'],
    ['/v1/messages', { metadata: { user_id: '{"device":"d"}' } }, '{"device":"d"}'],
    [
      '/v1/messages',
      { metadata: { user_id: '{"device_id":"d","account_uuid":"","session_id":"s"}' } },
      'd',
    ],
    ['/v1/messages', { metadata: { user_id: '{"account_uuid":"a","device_id":"d"}' } }, 'a'],
    [
      '/v1/messages',
      { metadata: { user_id: 'user_1f_account_a-b_session_c-d' } },
      'user_1f_account_a-b',
    ],
    ['/v1/messages', { metadata: { user_id: '{no JSON' } }, '{no JSON'],
    ['/v1/messages', { metadata: null }, null],
    ['/v1/messages', { user: 'u' }, null],
    [gemini, { user: 'u' }, null],
  ] as const) {
    assert.equal(read(pattern, { model: 'm', ...body }).user, user, JSON.stringify(body));
  }
});

test('the most output asked for counts every answer', () => {
  for (const [pattern, body, output] of [
    [chat, {}, null],
    [chat, { max_tokens: 5 }, 5],
    [chat, { max_tokens: 5, max_completion_tokens: 7 }, 7],
    [chat, { max_tokens: null }, null],
    [chat, { max_tokens: -1 }, null],
    [chat, { max_tokens: 5, n: 3 }, 15],
    [chat, { max_tokens: 5, n: 0 }, 5],
    ['/v1/completions', { max_tokens: 5, n: 2, best_of: 4 }, 20],
    ['/v1/responses', { max_output_tokens: 9 }, 9],
    ['/v1/messages', { max_tokens: 11 }, 11],
    [gemini, { generationConfig: { maxOutputTokens: 13 } }, 13],
    [gemini, { generationConfig: { maxOutputTokens: 13, candidateCount: 2 } }, 26],
  ] as const) {
    assert.equal(read(pattern, { model: 'm', ...body }).output, output, JSON.stringify(body));
  }
});

test('reading usage for our own books refuses no request', () => {
  const twenty = Array.from({ length: 20 }, (_, i) => `"user":"${i}"`).join();
  assert.equal(read(chat, `{"model":"m",${twenty}}`).user, '19');
  assert.equal(read(chat, { model: 'm', User: 'u' }).user, null);
  assert.equal(read(chat, { model: 'm', user: 'u'.repeat(70_000) }).user, null);
  assert.equal(read(chat, '{"model":"m","user":"\\ud800"}').user, '\ud800');
});

test('the name of a user is of bounded length', () => {
  assert.equal(userName('u'.repeat(200)), 'u'.repeat(200));
  assert.equal(userName('u'.repeat(201)), 'u'.repeat(200));
  assert.equal(userName(' u '), 'u');
  assert.equal(userName(undefined), null);
});
