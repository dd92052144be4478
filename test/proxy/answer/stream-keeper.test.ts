import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { provider } from '../../config/configuration-for-test.js';
import { rawClient } from '../../server/support.js';
import { ask } from '../../support/ask.js';
import { until } from '../../support/until.js';
import { type Answer, startUpstream } from '../../support/upstream.js';
import { chat, gatewayForTest, recordsOf, serveGateway } from '../gateway-for-test.js';

const event = 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n';

async function served(
  t: TestContext,
  answer: Answer,
  change: Parameters<typeof gatewayForTest>[2],
) {
  const { url } = await startUpstream(t, answer);
  const gateway = gatewayForTest(t, [provider('p', { api_base: url })], change);
  return { gateway, origin: await serveGateway(t, gateway) };
}

function stream(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(text);
}

test('a silent stream gets comments, one that speaks gets none', async (t) => {
  const { origin } = await served(
    t,
    (request, response) => {
      stream(response, event);
      const { model } = JSON.parse(String(request.body));
      const timer = setInterval(() => {
        if (model === 'speaks') response.write(event);
      }, 300);
      setTimeout(() => {
        clearInterval(timer);
        response.end('data: [DONE]\n\n');
      }, 3_500);
    },
    ({ server }) => {
      server.keepalive_ms = 1_000;
    },
  );
  const [silent, speaks] = await Promise.all([
    chat(origin, { model: 'silent', stream: true }),
    chat(origin, { model: 'speaks', stream: true }),
  ]);
  assert.match(silent.text, /^data: [^\n]+\n\n(: keepalive\n\n){1,3}data: \[DONE\]\n\n$/);
  assert.doesNotMatch(speaks.text, /keepalive/);
});

test('keepalive_ms 0 turns comments off', async (t) => {
  const { origin } = await served(
    t,
    (_request, response) => {
      stream(response, event);
      setTimeout(() => response.end('data: [DONE]\n\n'), 2_300);
    },
    ({ server }) => {
      server.keepalive_ms = 0;
    },
  );
  const { text } = await chat(origin, { model: 'm', stream: true });
  assert.equal(text, `${event}data: [DONE]\n\n`);
});

test('a stream past its time ends with an error event and no clean end', async (t) => {
  const { origin, gateway } = await served(
    t,
    (_request, response) => {
      stream(response, event);
      const timer = setInterval(() => response.write(event), 100);
      response.on('close', () => clearInterval(timer));
    },
    ({ upstream }) => {
      upstream.total_timeout_ms = 1_500;
    },
  );
  const { text, whole } = await chat(origin, { model: 'm', stream: true });
  assert.equal(whole, false);
  assert.match(text, /\n\ndata: \{"error":\{[^\n]*"upstream_timeout"\}\}\n\n$/);
  assert.equal(recordsOf(gateway)[0]?.error, 'upstream_timeout');
});

test('a client that reads nothing is disconnected, and so is its provider', async (t) => {
  let closed: () => void = () => {};
  const end = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const { origin, gateway } = await served(
    t,
    (_request, response) => {
      stream(response, event);
      const send = () => {
        while (response.write(event.repeat(1_000)));
      };
      response.on('drain', send).on('close', closed);
      send();
    },
    ({ server }) => {
      server.stalled_reader_timeout_ms = 1_000;
    },
  );
  const raw = await rawClient(Number(new URL(origin).port));
  raw.socket.pause();
  const body = '{"model":"m","stream":true}';
  await raw.send(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await end;
  await until('its record', () => recordsOf(gateway).length === 1);
  raw.socket.destroy();
  const [record] = recordsOf(gateway);
  assert.deepEqual([record?.error, record?.complete], ['stalled_reader', false]);
});

test('a silent stream of Gemini’s API gets no comment, before its first event and after it', async (t) => {
  const last =
    'data: {"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}\n\n';
  const { url } = await startUpstream(t, (_request, response) => {
    setTimeout(() => {
      stream(response, last);
      setTimeout(() => response.end(), 2_300);
    }, 2_300);
  });
  const google = provider('p', { provider_type: 'gemini', api_base: url });
  const gateway = gatewayForTest(t, [google], ({ server }) => {
    server.keepalive_ms = 1_000;
  });
  const origin = await serveGateway(t, gateway);
  const { text } = await ask(`${origin}/v1beta/models/m:streamGenerateContent?alt=sse`, {
    method: 'POST',
    body: '{"contents":[]}',
  });
  assert.equal(text, last);
});
