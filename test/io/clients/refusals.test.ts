import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { rawClient } from '../../server/support.js';
import { type AskOptions, ask, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

const maxBytes = 100_000;

for (const { engine, skip } of engines) {
  test(`a wrong request is refused on ${engine}`, { skip }, async (t) => {
    const daemon = await startDaemon(t, {
      engine,
      settings: { server: { max_body_bytes: maxBytes } },
    });
    const upstream = await startUpstream(t, answerChat);
    await daemon.addProvider('p', { api_base: upstream.url });
    const key = await daemon.addKey('alice');
    await daemon.reload();
    const chat = '/v1/chat/completions';
    const head = `POST ${chat} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer ${key}\r\n`;
    const start = '{"model":"m","messages":[],"pad":"';

    const refused = async (
      path: string,
      options: AskOptions,
      [status, code]: readonly [number, string],
    ) => {
      const got = await ask(daemon.url + path, { headers: bearer(key), ...options });
      assert.equal(got.status, status, got.text);
      const { error } = JSON.parse(got.text);
      assert.deepEqual(Object.keys(error), ['message', 'type', 'param', 'code']);
      assert.equal(error.code, code);
      assert.match(String(got.headers['content-type']), /^application\/json/);
      assert.ok(got.headers['x-request-id']);
      return got;
    };
    const post = (body: string | Buffer, headers = {}) => ({
      method: 'POST',
      body,
      headers: { ...bearer(key), ...headers },
    });

    await t.test('400 for a body that is not JSON', async () => {
      for (const text of ['', '{', '[]', '{"model":"m"} x', '{"model":m}', '{"a":01}']) {
        await refused(chat, post(text), [400, 'invalid_json']);
      }
    });

    await t.test('400 for a model or stream of a wrong kind', async () => {
      for (const text of ['{}', '{"model":1}', '{"model":""}', '{"model":"m","stream":"yes"}']) {
        await refused(chat, post(text), [400, 'invalid_request']);
      }
    });

    await t.test('426 for a WebSocket, at once, with any key', async () => {
      const headers = {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      };
      for (const path of ['/responses', '/v1/responses', '/v1/v1/responses?a=b']) {
        const got = await refused(path, { headers }, [426, 'upgrade_refused']);
        assert.equal(got.headers.upgrade, 'HTTP/1.1');
      }
    });

    await t.test('404 for an unknown URL, 405 for a wrong method', async () => {
      const unknown = [404, 'unknown_url'] as const;
      for (const path of ['/v1', '/v1/nothing', '/v2/chat/completions', '/v1/modelsx']) {
        await refused(path, {}, unknown);
      }
      const wrong = [405, 'method_not_allowed'] as const;
      assert.equal((await refused(chat, {}, wrong)).headers.allow, 'POST');
      assert.equal((await refused('/v1/models', post('{}'), wrong)).headers.allow, 'GET');
      await refused(chat, { method: 'DELETE' }, wrong);
    });

    await t.test('401 without a key', async () => {
      const missing = [401, 'missing_api_key'] as const;
      await refused(chat, { ...post('{}'), headers: {} }, missing);
      await refused('/v1/models', { headers: { authorization: 'Basic abc' } }, missing);
      await refused('/admin/v1/config/version', { headers: {} }, missing);
      await refused('/admin/v1/config/version', {}, [401, 'invalid_api_key']);
    });

    await t.test('415 for a body that is compressed', async () => {
      const zipped = post(gzipSync('{"model":"m"}'), { 'content-encoding': 'gzip' });
      await refused(chat, zipped, [415, 'unsupported_encoding']);
      const plain = post('{"model":"m"}', { 'content-encoding': 'identity' });
      assert.equal((await ask(daemon.url + chat, plain)).status, 200);
    });

    await t.test('413 for a body past the cap, and none below it', async () => {
      const body = (size: number) => `${start}${'x'.repeat(size - start.length - 2)}"}`;
      assert.equal((await ask(daemon.url + chat, post(body(maxBytes)))).status, 200);
      await refused(chat, post(body(maxBytes + 1)), [413, 'request_too_large']);
      const chunked = post(body(maxBytes + 1), { 'transfer-encoding': 'chunked' });
      await refused(chat, chunked, [413, 'request_too_large']);
    });

    await t.test('413 for a declared length, before any of the body is sent', async () => {
      const raw = await rawClient(daemon.port);
      await raw.send(`${head}content-length: 1000000000\r\n\r\n`);
      assert.match(await raw.until(/\}\}/), /^HTTP\/1\.1 413 /);
      raw.socket.destroy();
    });

    await t.test(
      '413 in the middle of a body without end, read by a client that still sends',
      async () => {
        const raw = await rawClient(daemon.port);
        await raw.send(`${head}transfer-encoding: chunked\r\n\r\n`);
        const piece = 'x'.repeat(16_384);
        const chunk = `${piece.length.toString(16)}\r\n${piece}\r\n`;
        await raw.send(`${start.length.toString(16)}\r\n${start}\r\n`);
        let sent = 0;
        while (!raw.received.includes('}}') && !raw.socket.destroyed && sent < 256_000_000) {
          await raw.send(chunk).catch(() => {});
          sent += piece.length;
        }
        assert.match(await raw.until(/\}\}/), /^HTTP\/1\.1 413 /);
        t.diagnostic(`answered after ${sent} bytes`);
        raw.socket.destroy();
      },
    );

    await t.test('and none of these goes upstream or stops the service', async () => {
      const before = upstream.received.length;
      await refused(chat, post('{'), [400, 'invalid_json']);
      assert.equal(upstream.received.length, before);
      assert.equal((await ask(`${daemon.url}/health`, {})).status, 200);
    });
  });
}
