import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { ask, askChat, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import {
  type Answer,
  answerChat,
  startRawUpstream,
  startUpstream,
} from '../../support/upstream.js';

/** JSON that a parser would change: numbers, order, spaces, escapes, duplicate keys. */
const body =
  '{ "seed" : 12345678901234567890, "temperature":1.0,"z":1e2, "a":-0.0,\n' +
  '"messages":[{"role":"user","content":"caf\\u00e9 \\/ é \\ud83d\\ude00","model":"inner"}],' +
  '"model" :  "gpt-4o" ,"unknown":{"model":"x","":[]},"dup":1,"dup":2 }  ';

for (const { engine, skip } of engines) {
  test(`bytes pass through ${engine}`, { skip }, async (t) => {
    const daemon = await startDaemon(t, { engine });
    let answer: Answer = answerChat;
    const upstream = await startUpstream(t, (request, response) => answer(request, response));
    let rawAnswer: Parameters<typeof startRawUpstream>[1] = () => {};
    const rawUrl = await startRawUpstream(t, (socket) => rawAnswer(socket));
    await daemon.addProvider('captured', {
      api_base: upstream.url,
      api_key: 'sk-provider-captured',
      model_mapping: { 'gpt-4o': 'gpt-4o', alias: 'vendor/"quoted"/é' },
      provider_params: { headers: { 'X-Extra': 'from-params' } },
    });
    await daemon.addProvider('raw', { api_base: rawUrl, model_mapping: { raw: 'raw' } });
    const key = await daemon.addKey('alice');
    await daemon.reload();
    const url = `${daemon.url}/v1/chat/completions`;
    const send = (text: string | Buffer, headers: Record<string, string> = {}) =>
      ask(url, { method: 'POST', headers: { ...bearer(key), ...headers }, body: text });
    const last = () => upstream.received.at(-1) ?? assert.fail('nothing arrived');

    await t.test('a request body arrives as the client wrote it', async () => {
      assert.equal((await send(body)).status, 200);
      assert.equal(last().body.toString(), body);
      assert.equal(last().path, '/v1/chat/completions');
      assert.equal(last().headers['content-length'], String(Buffer.byteLength(body)));
    });

    await t.test('a mapped model changes those bytes only', async () => {
      assert.equal((await send(body.replace('"gpt-4o"', '"ali\\u0061s"'))).status, 200);
      const sent = body.replace('"gpt-4o"', JSON.stringify('vendor/"quoted"/é'));
      assert.equal(last().body.toString(), sent);
    });

    await t.test('invalid UTF-8 arrives unchanged', async () => {
      const bytes = Buffer.concat([
        Buffer.from('{"model":"gpt-4o","x":"'),
        Buffer.from([0xff, 0xc3, 0x28, 0x80]),
        Buffer.from('"}'),
      ]);
      assert.equal((await send(bytes)).status, 200);
      assert.deepEqual(last().body, bytes);
    });

    await t.test('neither the credential nor hop-by-hop headers go upstream', async () => {
      const answered = await send(body, {
        connection: 'close, x-private',
        'x-private': 'p',
        'keep-alive': 'timeout=9',
        te: 'trailers',
        'proxy-authorization': 'Basic cHJveHk=',
        cookie: 'session=1',
        'x-api-key': key,
        'api-key': key,
        'x-forwarded-for': '10.1.2.3',
        'x-extra': 'from-client',
        'x-stainless-kept': 'kept',
        'openai-organization': 'org',
        'user-agent': 'test/1',
      });
      assert.equal(answered.status, 200);
      const { headers, rawHeaders } = last();
      assert.equal(headers.authorization, 'Bearer sk-provider-captured');
      assert.equal(headers['x-extra'], 'from-params');
      assert.equal(headers['x-stainless-kept'], 'kept');
      assert.equal(headers['openai-organization'], undefined);
      assert.equal(headers['user-agent'], 'test/1');
      assert.equal(headers['content-type'], 'application/json');
      assert.equal(headers.host, new URL(upstream.url).host);
      for (const name of [
        ...['x-private', 'keep-alive', 'te', 'proxy-authorization', 'cookie', 'x-api-key'],
        ...['api-key', 'x-forwarded-for', 'transfer-encoding'],
      ]) {
        assert.equal(headers[name], undefined, name);
      }
      assert.ok(!rawHeaders.join('\n').includes(key));
    });

    await t.test('x-request-id is accepted, forwarded and returned', async () => {
      const answered = await send(body, { 'x-request-id': 'req-from-client' });
      assert.equal(answered.headers['x-request-id'], 'req-from-client');
      assert.equal(last().headers['x-request-id'], 'req-from-client');
    });

    await t.test('x-request-id is created where there is no valid one', async () => {
      const ids = new Set<string>();
      for (const headers of [{}, {}, { 'x-request-id': 'two words' }]) {
        const answered = await send(body, headers);
        const id = String(answered.headers['x-request-id']);
        assert.match(id, /^[0-9a-f-]{36}$/);
        assert.equal(last().headers['x-request-id'], id);
        ids.add(id);
      }
      assert.equal(ids.size, 3);
      const refused = await ask(url, { headers: { 'x-request-id': 'refused-1' } });
      assert.equal(refused.headers['x-request-id'], 'refused-1');
    });

    await t.test("a provider's error passes through unchanged", async () => {
      const text = '{"error": {"message":"slow down","num":1.0,"code":"rpm" } }\n';
      answer = (_request, response) =>
        response
          .writeHead(429, {
            'content-type': 'application/json; charset=utf-8',
            'retry-after': '17',
            'x-ratelimit-remaining-requests': '3',
            'x-request-id': 'upstream-id',
            'set-cookie': 'a=b',
            connection: 'x-hop',
            'x-hop': '1',
          })
          .end(text);
      const { status, headers, text: got } = await send(body);
      assert.equal(status, 429);
      assert.equal(got, text);
      assert.equal(headers['content-type'], 'application/json; charset=utf-8');
      assert.equal(headers['retry-after'], '17');
      assert.equal(headers['x-ratelimit-remaining-requests'], '3');
      assert.notEqual(headers['x-request-id'], 'upstream-id');
      assert.equal(headers['x-upstream-request-id'], 'upstream-id');
      assert.equal(headers['set-cookie'], undefined);
      assert.equal(headers['x-hop'], undefined);
    });

    await t.test('an error that is not JSON passes through, no answer does not', async () => {
      answer = (_request, response) => response.writeHead(204).end();
      assert.equal((await send(body)).status, 502);
      answer = (_request, response) =>
        response.writeHead(503, { 'content-type': 'text/html' }).end('<h1>down</h1>');
      const html = await send(body);
      assert.deepEqual([html.status, html.text], [503, '<h1>down</h1>']);
      assert.equal(html.headers['content-type'], 'text/html');
    });

    await t.test('an answer is byte-equal however the provider splits it', async () => {
      const property = fc.asyncProperty(
        fc.boolean(),
        fc.array(fc.string({ unit: 'grapheme', maxLength: 60 }), { maxLength: 20 }),
        fc.array(fc.nat({ max: 400 }), { maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 20 }),
        async (stream, texts, cuts, chunkSizes) => {
          const events = texts.map((text) => `data: ${JSON.stringify({ text })}\n\n`);
          const payload = Buffer.from(`${events.join('')}data: [DONE]\n\n`);
          const wire = Buffer.concat([
            Buffer.from(
              'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: ' +
                `${stream ? 'text/event-stream' : 'application/octet-stream'}\r\n\r\n`,
            ),
            chunked(payload, chunkSizes),
          ]);
          rawAnswer = (socket) => void writeInPieces(socket, wire, cuts);
          const { status, text } = await askChat(daemon.url, key, 'raw', { stream });
          assert.equal(status, 200);
          assert.equal(text, payload.toString());
        },
      );
      await fc.assert(property, { numRuns: 40 });
    });
  });
}

/** The payload in HTTP chunks of these sizes, repeated. */
function chunked(payload: Buffer, sizes: readonly number[]): Buffer {
  const parts: Buffer[] = [];
  for (let from = 0, i = 0; from < payload.length; i++) {
    const part = payload.subarray(from, from + (sizes[i % sizes.length] ?? 1));
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
    from += part.length;
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

async function writeInPieces(
  socket: { write(data: Buffer): boolean },
  wire: Buffer,
  cuts: readonly number[],
): Promise<void> {
  let from = 0;
  for (const length of cuts) {
    if (from >= wire.length) return;
    socket.write(wire.subarray(from, from + length));
    from += length;
    await turn();
  }
  if (from < wire.length) socket.write(wire.subarray(from));
}
