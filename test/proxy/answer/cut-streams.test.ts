import assert from 'node:assert/strict';
import { type IncomingMessage, request } from 'node:http';
import { test } from 'node:test';
import type { OpenaiOperation } from '../../../src/config/configuration.js';
import { provider } from '../../config/configuration-for-test.js';
import { startUpstream } from '../../support/upstream.js';
import { gatewayForTest, recordsOf, serveGateway } from '../gateway-for-test.js';

const cases = [
  {
    path: '/v1/messages',
    type: 'anthropic',
    start:
      'event: message_start\ndata: {"type":"message_start","message":{}}\n\n' +
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}\n\n',
    end: 'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    broken: /event: error\ndata: \{"type":"error".*"request_id":"rid"\}\n\n$/,
  },
  {
    path: '/v1/responses',
    type: 'openai',
    start: 'data: {"type":"response.output_text.delta","delta":"a"}\n\n',
    end: 'data: {"type":"response.completed","response":{}}\n\n',
    broken: /"type":"error"[\s\S]*response\.failed/,
  },
] as const;

for (const { path, type, start, end, broken } of cases) {
  test(`a stream of ${path} that ends without its last event is broken for client and record`, async (t) => {
    let text = '';
    const { url } = await startUpstream(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(text);
    });
    const fields = { api_base: url, provider_type: type };
    const operations: OpenaiOperation[] = ['responses'];
    const provider_params = type === 'openai' ? { operations } : {};
    const gateway = gatewayForTest(t, [provider('p', { ...fields, provider_params })]);
    const origin = await serveGateway(t, gateway);

    text = start + end;
    const good = await ask(`${origin}${path}`);
    assert.deepEqual([good.text, good.whole], [text, true]);
    assert.deepEqual(outcome(gateway), [true, null]);

    text = start;
    const cut = await ask(`${origin}${path}`);
    assert.ok(cut.text.startsWith(start));
    assert.match(cut.text.slice(start.length), broken);
    assert.equal(cut.whole, false);
    assert.deepEqual(outcome(gateway), [false, 'upstream_failed']);
  });
}

function outcome(gateway: Parameters<typeof recordsOf>[0]): unknown[] {
  const last = recordsOf(gateway).at(-1);
  return [last?.complete, last?.error];
}

function ask(url: string): Promise<{ text: string; whole: boolean }> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-request-id': 'rid' };
    const sent = request(
      url,
      { method: 'POST', agent: false, headers },
      (response: IncomingMessage) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('error', () => {});
        response.on('close', () => resolve({ text, whole: response.complete }));
      },
    );
    sent.on('error', reject);
    sent.end('{"model":"m","stream":true}');
  });
}
