import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packRequest, unpackRequest } from '../../src/daemon/packed-requests.js';
import type { RequestFinished } from '../../src/observe/event.js';

const request: RequestFinished = {
  type: 'request_finished',
  requestId: 'r',
  startedAt: 1,
  method: 'POST',
  endpoint: '/v1/chat/completions',
  credential: { id: null, name: 'k' },
  model: 'm',
  modelSent: 'n',
  provider: 'p',
  attempts: 2,
  attemptsLog: [
    {
      provider: 'q',
      model: 'm',
      outcome: 'refused',
      status: 500,
      reason: null,
      atMs: 0,
      tookMs: 1,
    },
  ],
  attemptsEnd: null,
  configVersion: 3,
  rateLimit: 10,
  status: 200,
  error: null,
  stream: true,
  totalMs: 4.5,
  upstreamMs: 4,
  firstTokenMs: 2,
  complete: true,
  usage: { promptTokens: 5, completionTokens: 0 },
  uncounted: null,
  bodies: null,
};

test('a finished request comes out of its packed form as it went in', () => {
  const uncounted = { endpoint: 'e', request: Buffer.from('q'), answer: [], truncated: false };
  const body = { bytes: Buffer.from('b'), totalBytes: 2 };
  for (const event of [
    request,
    { ...request, bodies: { request: body, response: body } },
    { ...request, credential: null, usage: null, uncounted, attemptsLog: null },
  ]) {
    assert.deepEqual(unpackRequest(packRequest(event)), event);
  }
});
