import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorBodyAt } from '../../src/proxy/request/route.js';
import type { Engine, Exchange } from '../../src/server/exchange.js';
import { engineOrReason, rawClient } from './support.js';

/** The type that an error of 400 has in each shape. */
const shapes = {
  anthropic: { error: { type: 'invalid_request_error' }, request_id: null, type: 'error' },
  gemini: { error: { code: 400, status: 'INVALID_ARGUMENT' } },
  openai: { error: { code: 'invalid_request', param: null, type: 'invalid_request_error' } },
};
type Shape = keyof typeof shapes;

const paths: [path: string, shape: Shape][] = [
  ['/v1/messages', 'anthropic'],
  ['/v1/messages/count_tokens?x=1', 'anthropic'],
  ['http://h/v1/messages', 'anthropic'],
  ['/v1beta/models/m:generateContent', 'gemini'],
  ['/v1beta/models', 'gemini'],
  ['/v1beta/nowhere', 'gemini'],
  ['/v1/chat/completions', 'openai'],
  ['/nowhere', 'openai'],
];

for (const name of ['net', 'node', 'hyper-express'] as const) {
  const engine = await engineOrReason(name);
  const skip = typeof engine === 'string' ? engine : false;
  describe(`errors of the ${name} engine`, { skip, timeout: 60_000 }, () => {
    if (typeof engine === 'string') return;
    it('have the shape of the API that the ambiguous request names', async () => {
      for (const [path, shape] of paths) {
        const twice = 'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n';
        const head = `POST ${path} HTTP/1.1\r\nHost: h\r\n${twice}\r\n0\r\n\r\n`;
        expectShape(await answerTo(engine, [head]), 400, shape);
      }
    });
    // uWebSockets.js itself answers unparsable requests.
    if (name === 'hyper-express') return;
    it('have it where the head is malformed, cut or too large', async () => {
      for (const [path, shape] of paths) {
        const start = `POST ${path} HTTP/1.1\r\nHost: h\r\n`;
        expectShape(await answerTo(engine, [`${start}bad header\r\n\r\n`]), 400, shape);
        const parts = [start.slice(0, 9), start.slice(9), 'bad header\r\n\r\n'];
        if (name === 'net') expectShape(await answerTo(engine, parts), 400, shape);
        const large = [`${start}X: `, 'a'.repeat(80_000)];
        if (name === 'net') expectShape(await answerTo(engine, large), 431, shape);
      }
    });
    it('have it where the body is malformed', async () => {
      for (const [path, shape] of paths) {
        const start = `POST ${path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n`;
        expectShape(await answerTo(engine, [start, 'zz\r\n']), 400, shape);
      }
    });
    if (name !== 'net') return;
    it('have it where the head does not end in time', async () => {
      for (const [path, shape] of paths) {
        const text = await answerTo(engine, [`POST ${path} HTTP/1.1\r\nX: `], { head: 100 });
        expectShape(text, 408, shape);
      }
    });
  });
}

/** An engine's answer to a request in these pieces, which its handler never answers. */
async function answerTo(engine: Engine, pieces: readonly string[], timeouts = {}): Promise<string> {
  const handler = (exchange: Exchange) => {
    exchange.readBody(1_000).catch(() => {});
  };
  const server = await engine.listen({
    host: '127.0.0.1',
    port: 0,
    handler,
    errorBody: errorBodyAt,
    timeouts,
  });
  try {
    const client = await rawClient(server.port);
    for (const piece of pieces) await client.send(piece);
    const text = await client.until(/\r\n\r\n\{.*\}$/s);
    client.socket.destroy();
    return text;
  } finally {
    server.close();
  }
}

function expectShape(text: string, status: number, shape: Shape): void {
  assert.match(text, new RegExp(`^HTTP/1.1 ${status} `));
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  const length = /content-length: (\d+)/i.exec(text)?.[1];
  if (length !== undefined) assert.equal(Number(length), Buffer.byteLength(body, 'latin1'));
  const answer = JSON.parse(body);
  assert.ok(answer.error.message.length > 10);
  delete answer.error.message;
  if (status === 400) assert.deepEqual(answer, shapes[shape], text);
  else assert.deepEqual(Object.keys(answer).sort(), Object.keys(shapes[shape]).sort(), text);
  if (shape === 'gemini') assert.equal(answer.error.code, status);
  if (status === 408 && shape === 'anthropic') assert.equal(answer.error.type, 'timeout_error');
}
