import assert from 'node:assert/strict';
import { createHash, randomFillSync } from 'node:crypto';
import { test } from 'node:test';
import { provider } from '../../config/configuration-for-test.js';
import { engineOrReason } from '../../server/support.js';
import { type Answer, startUpstream } from '../../support/upstream.js';
import { chat, gatewayForTest, recordsOf, serveGateway } from '../gateway-for-test.js';

const event = 'data: {"choices":[{"delta":{"content":"é"}}]}\n\n';
const usage = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n';

for (const name of ['net', 'hyper-express', 'node'] as const) {
  const engine = await engineOrReason(name);
  const skip = typeof engine === 'string' ? engine : false;

  test(`a provider’s answer reaches the client byte for byte on ${name}`, { skip }, async (t) => {
    assert.ok(typeof engine !== 'string');
    let answer: Answer = () => {};
    const { url } = await startUpstream(t, (request, response) => answer(request, response));
    const gateway = gatewayForTest(t, [provider('p', { api_base: url })]);
    const origin = await serveGateway(t, gateway, engine);
    const last = () => recordsOf(gateway).at(-1);

    await t.test('an answer that is held whole, with its length', async () => {
      answer = (_request, response) => {
        response.writeHead(201, { 'content-type': 'application/json', 'x-own': 'é' });
        response.write('{"a":');
        response.end('"é"}');
      };
      const { status, headers, text } = await chat(origin);
      assert.deepEqual([status, text, headers['content-length']], [201, '{"a":"é"}', '10']);
      assert.equal(headers['x-own'], 'é');
      assert.equal(last()?.complete, true);
    });

    await t.test('an answer that is too large to be held', async () => {
      const sent = createHash('sha256');
      answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        for (let i = 0; i < 40; i++) {
          const piece = randomFillSync(Buffer.alloc(50_000)).toString('base64');
          sent.update(piece);
          response.write(piece);
        }
        response.end();
      };
      const { text, whole } = await chat(origin);
      assert.equal(createHash('sha256').update(text).digest('hex'), sent.digest('hex'));
      assert.equal(whole, true);
    });

    await t.test('a stream, without the usage that the client did not ask for', async () => {
      answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end(`${event}${event}${usage}data: [DONE]\n\n`);
      };
      const { text, whole } = await chat(origin, { model: 'm', stream: true });
      assert.deepEqual([text, whole], [`${event}${event}data: [DONE]\n\n`, true]);
      assert.deepEqual(last()?.usage, { promptTokens: 3, completionTokens: 1 });
      const asked = { model: 'm', stream: true, stream_options: { include_usage: true } };
      assert.ok((await chat(origin, asked)).text.includes(usage));
    });

    await t.test('a stream that breaks in an event has an error event of its own', async () => {
      answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(event + event.slice(0, 20), () => response.socket?.destroy());
      };
      for (const more of [{}, { stream_options: { include_usage: true } }]) {
        const { text, whole } = await chat(origin, { model: 'm', stream: true, ...more });
        assert.equal(whole, false);
        const events = text.split('\n\n');
        assert.equal(`${events[0]}\n\n`, event);
        const code = JSON.parse(events.at(-2)?.slice(6) ?? '').error.code;
        assert.equal(code, 'upstream_failed');
        assert.deepEqual([last()?.complete, last()?.error], [false, 'upstream_failed']);
      }
    });

    await t.test('a stream without an end of its own ends as it does', async () => {
      answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end(`${event}data: no blank line`);
      };
      const { text, whole } = await chat(origin, { model: 'm', stream: true });
      assert.deepEqual([text, whole], [`${event}data: no blank line`, true]);
    });
  });
}
