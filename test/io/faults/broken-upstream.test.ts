import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import OpenAI from 'openai';
import { say } from '../../mock-provider/mock-for-test.js';
import { rawClient } from '../../server/support.js';
import { askChat } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { openAi } from '../../support/openai.js';
import { startRawUpstream } from '../../support/upstream.js';

const event = 'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n';
const streamHead = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n';
const jsonHead = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

for (const { engine, skip } of engines) {
  test(`a broken provider is reported on ${engine}`, { skip }, async (t) => {
    const daemon = await startDaemon(t, {
      engine,
      settings: {
        upstream: { first_byte_timeout_ms: 400, idle_timeout_ms: 400, connect_timeout_ms: 400 },
      },
    });
    let answer: (socket: Socket) => void = () => {};
    const url = await startRawUpstream(t, (socket) => answer(socket));
    await daemon.addProvider('p', { api_base: url });
    const key = await daemon.addKey('alice');
    await daemon.reload();
    const rawRequest = async () => {
      const raw = await rawClient(daemon.port);
      const body = '{"model":"m","stream":true}';
      await raw.send(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nauthorization: Bearer ${key}\r\n` +
          `content-length: ${body.length}\r\n\r\n${body}`,
      );
      return (await raw.closed).received;
    };

    const cuts: [how: string, code: string, (socket: Socket) => void][] = [
      ['closes', 'upstream_failed', (socket) => socket.end()],
      ['resets', 'upstream_failed', (socket) => socket.resetAndDestroy()],
      ['sends nonsense', 'upstream_failed', (socket) => socket.write('nonsense\r\n')],
      ['falls silent', 'upstream_timeout', () => {}],
    ];
    for (const [how, code, cut] of cuts) {
      await t.test(`a stream that ${how} ends with an error event and no [DONE]`, async () => {
        answer = (socket) => {
          const head = `${streamHead}transfer-encoding: chunked\r\n\r\n`;
          socket.write(head + chunk(event) + chunk(event), () => setImmediate(cut, socket));
        };
        const received = await rawRequest();
        assert.equal(received.split(event).length, 3, received);
        assert.match(
          received,
          new RegExp(`data: \\{"error":\\{[^\\n]*"code":"${code}"\\}\\}\\n\\n`),
        );
        assert.ok(!received.includes('[DONE]'));
        assert.doesNotMatch(received, /\r\n0\r\n\r\n$/, 'the answer must not look complete');
      });

      await t.test(`an answer that ${how} before it is complete is an error`, async () => {
        answer = (socket) => {
          socket.write(`${jsonHead}content-length: 1000\r\n\r\n{"choices":[`, () =>
            setImmediate(cut, socket),
          );
        };
        // Nonsense within the declared length is part of the answer: only its end is missing.
        const timeout = code === 'upstream_timeout' || how === 'sends nonsense';
        const { status, text } = await askChat(daemon.url, key, 'm');
        assert.equal(status, timeout ? 504 : 502);
        assert.equal(JSON.parse(text).error.type, 'upstream_error');
      });
    }

    await t.test('the SDK throws where a stream breaks', async () => {
      answer = (socket) =>
        socket.end(`${streamHead}transfer-encoding: chunked\r\n\r\n${chunk(event)}`);
      const stream = await openAi(daemon, key).chat.completions.create({
        model: 'm',
        messages: say('hi'),
        stream: true,
      });
      let seen = 0;
      await assert.rejects(async () => {
        for await (const _chunk of stream) seen++;
      }, OpenAI.APIError);
      assert.equal(seen, 1);
    });

    await t.test('no answer at all is 504 in time, an answer other than HTTP is 502', async () => {
      answer = () => {};
      const silent = await askChat(daemon.url, key, 'm');
      assert.equal(silent.status, 504);
      assert.equal(JSON.parse(silent.text).error.code, 'upstream_timeout');
      answer = (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n');
      const nonsense = await askChat(daemon.url, key, 'm');
      assert.equal(nonsense.status, 502);
      assert.equal(JSON.parse(nonsense.text).error.code, 'upstream_failed');
    });

    await t.test('and the next request is served', async () => {
      answer = (socket) => socket.write(`${jsonHead}content-length: 2\r\n\r\n{}`);
      assert.equal((await askChat(daemon.url, key, 'm')).text, '{}');
    });
  });
}
