import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { chatCompletion } from '../../support/upstream.js';

const totalBytes = 50 * 1024 * 1024;
const max_body_bytes = 64 * 1024 * 1024;

/** Reads a body some megabytes at a time, and returns its hash. */
async function slowHash(message: IncomingMessage): Promise<string> {
  const hash = createHash('sha256');
  let held = 0;
  for await (const piece of message) {
    hash.update(piece);
    held += piece.length;
    if (held < 4 * 1024 * 1024) continue;
    held = 0;
    await pause(20);
  }
  return hash.digest('hex');
}

for (const { engine, skip } of engines) {
  test(`50 MB pass to a slow provider, and back to a slow client, on ${engine}`, {
    skip,
  }, async (t) => {
    const answer = randomBytes(totalBytes);
    let received = '';
    const upstream = createServer(async (message, response) => {
      received = await slowHash(message);
      if (message.headers['x-wants'] === 'bytes') {
        response.writeHead(200, { 'content-type': 'audio/mpeg' }).end(answer);
      } else response.writeHead(200, { 'content-type': 'application/json' }).end(chatCompletion());
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      upstream.close();
      upstream.closeAllConnections();
    });
    const { port } = upstream.address() as AddressInfo;
    const daemon = await startDaemon(t, { engine, settings: { server: { max_body_bytes } } });
    const api_base = `http://127.0.0.1:${port}/v1`;
    await daemon.addProvider('p', {
      api_base,
      provider_params: { forward_headers: ['x-wants'] },
    });
    const key = await daemon.addKey('alice');
    await daemon.reload();
    const ask = (path: string, headers: Record<string, string>, body: Buffer) =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const sent = request(`${daemon.url}${path}`, { method: 'POST', agent: false, headers });
        sent.on('response', resolve).on('error', reject).end(body);
      });
    const of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

    const text = randomBytes(totalBytes / 2).toString('hex');
    const json = Buffer.from(`{"model":"m","messages":[{"role":"user","content":"${text}"}]}`);
    const chat = await ask('/v1/chat/completions', bearer(key), json);
    assert.equal(chat.statusCode, 200);
    await slowHash(chat);
    assert.equal(received, of(json), 'of a JSON body');

    // Random bytes must not contain it.
    const boundary = 'the-boundary-of-the-form';
    const head =
      `--${boundary}\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n` +
      `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n`;
    const form = Buffer.concat([Buffer.from(head), answer, Buffer.from(`\r\n--${boundary}--\r\n`)]);
    const type = { 'content-type': `multipart/form-data; boundary=${boundary}` };
    const file = await ask('/v1/audio/transcriptions', { ...bearer(key), ...type }, form);
    assert.equal(file.statusCode, 200);
    await slowHash(file);
    assert.equal(received, of(form), 'of a form with a file');

    const speech = Buffer.from('{"model":"m","input":"hi","voice":"a"}');
    const sound = await ask('/v1/audio/speech', { ...bearer(key), 'x-wants': 'bytes' }, speech);
    assert.equal(sound.statusCode, 200);
    assert.equal(await slowHash(sound), of(answer), 'of an answer');
  });
}
