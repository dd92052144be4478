import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { provider } from '../../config/configuration-for-test.js';
import { type Answer, startUpstream } from '../../support/upstream.js';
import { gatewayForTest, recordsOf, serveGateway } from '../gateway-for-test.js';

const role = 'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n';
const content = 'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n';
const error = 'data: {"error":{"message":"busy","code":503}}\n\n';
const end = 'data: [DONE]\n\n';
const eventStream = { 'content-type': 'text/event-stream' };

/** A chat stream of a gateway with these providers, tried in their order. */
async function stream(
  t: Parameters<typeof gatewayForTest>[0],
  hold: 'first_content' | 'first_event',
  answers: Answer[],
  onPiece: (text: string) => void = () => {},
) {
  const asked: number[] = [];
  const providers = await Promise.all(
    answers.map(async (answer, index) => {
      const { url } = await startUpstream(t, (received, response) => {
        asked.push(index);
        answer(received, response);
      });
      return provider(`p${index}`, { api_base: url, provider_params: { priority: index } });
    }),
  );
  const gateway = gatewayForTest(t, providers, ({ routing }) => {
    routing.hold_streams = hold;
  });
  const origin = await serveGateway(t, gateway);
  const text = await new Promise<string>((resolve, reject) => {
    const target = `${origin}/v1/chat/completions`;
    const sent = request(target, { method: 'POST', agent: false }, (response) => {
      let received = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        received += piece;
        onPiece(received);
      });
      response.on('error', () => {});
      response.on('close', () => resolve(received));
    });
    sent.on('error', reject);
    sent.end('{"model":"m","stream":true,"stream_options":{"include_usage":true}}');
  });
  return { text, asked, record: recordsOf(gateway).at(-1) };
}

test('with first_event a stream is passed on before it has said anything', async (t) => {
  let goOn = () => {};
  const waits: Answer = (_request, response) => {
    response.writeHead(200, eventStream).write(`: comment\n\n${role}`);
    goOn = () => response.end(content + end);
  };
  // Its provider continues only once the client has the first event.
  const { text, record } = await stream(t, 'first_event', [waits], (received) => {
    if (received.endsWith(role)) goOn();
  });
  assert.equal(text, `: comment\n\n${role}${content}${end}`);
  assert.equal(record?.complete, true);
});

test('the beginning of a stream decides whether another provider takes over', async (t) => {
  const breaks =
    (text: string): Answer =>
    (_request, response) => {
      response.writeHead(200, eventStream).write(text, () => response.destroy());
    };
  const good: Answer = (_request, response) => {
    response.writeHead(200, eventStream).end(role + content + end);
  };
  for (const [hold, first, asked] of [
    ['first_content', breaks(role), [0, 1]],
    ['first_event', breaks(role), [0]],
    ['first_event', breaks(': comment\n\n'), [0, 1]],
    ['first_event', breaks(error), [0, 1]],
  ] as const) {
    const told = await stream(t, hold, [first, good]);
    assert.deepEqual(told.asked, asked, hold);
    assert.equal(told.record?.complete, asked.length === 2, hold);
    assert.equal(told.text.endsWith(end), asked.length === 2, hold);
  }
});
