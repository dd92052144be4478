import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  constants,
  createSecureServer,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, createServer as createRaw } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type HttpProxy, parseProxy } from '../../../src/config/network/http-proxy.js';
import type { BodySink, BodyStream } from '../../../src/upstream/client/exchange-handler.js';
import { Http2Pool, type Http2PoolOptions } from '../../../src/upstream/client/http2-pool.js';
import { loopback } from '../../server/certificates.js';
import { startProxy } from '../../support/http-proxy.js';
import { until } from '../../support/until.js';
import { openPool, startProvider } from '../provider-for-test.js';
import { ask } from './ask-pool.js';

type OnStream = (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void;

/** A server of HTTP/2 alone, over TLS unless told otherwise. */
async function startHttp2(t: TestContext, onStream: OnStream, options: object = {}, plain = false) {
  const sessions: ServerHttp2Session[] = [];
  const server: Http2Server = plain
    ? createServer(options)
    : createSecureServer({ ...loopback, ...options });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  server.on('session', (session) => sessions.push(session));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `${plain ? 'http' : 'https'}://127.0.0.1:${port}`, sessions };
}

function openHttp2(t: TestContext, origin: string, options: Partial<Http2PoolOptions> = {}) {
  const tls = { ca: loopback.cert };
  const pool = new Http2Pool({
    origin,
    maxConnections: 2,
    connectTimeoutMs: 5_000,
    tls,
    ...options,
  });
  t.after(() => pool.destroy());
  return pool;
}

const echo: OnStream = async (stream, headers) => {
  let body = '';
  for await (const piece of stream) body += piece;
  stream.respond({ ':status': 201, 'x-got': String(headers['x-a']), 'set-cookie': ['a=1', 'b=2'] });
  stream.end(`${headers[':method']} ${headers[':path']} ${headers[':authority']} ${body}`);
};

test('a request over HTTP/2 is written as required, and its answer is read', async (t) => {
  const { origin, sessions } = await startHttp2(t, echo);
  const pool = openHttp2(t, origin);
  const headers = ['x-a', '1', 'x-a', '2', 'content-type', 'application/json'];
  const answer = await ask(pool, { path: '/v1/x?y=1', headers, body: 'ä' });
  assert.equal(answer.status, 201);
  assert.equal(answer.body, `POST /v1/x?y=1 ${new URL(origin).host} Ã¤`);
  assert.equal(answer.headers['x-got'], '1, 2');
  assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
  assert.equal(answer.headers[':status'], undefined);
  const get = await ask(pool, { method: 'GET', path: '/', body: null });
  assert.equal(get.body, `GET / ${new URL(origin).host} `);
  assert.equal(sessions.length, 1);
});

test('requests share a connection, up to what its server allows', async (t) => {
  const waiting: ServerHttp2Stream[] = [];
  const { origin, sessions } = await startHttp2(t, (stream) => waiting.push(stream), {
    settings: { maxConcurrentStreams: 3 },
  });
  const pool = openHttp2(t, origin);
  // Two connections of three each; the seventh waits. None waits for another on the first one.
  const first = ask(pool);
  const more = Array.from({ length: 6 }, () => ask(pool));
  await until('six requests', () => waiting.length === 6);
  assert.equal(sessions.length, 2);
  for (const stream of waiting.splice(0)) stream.end('ok');
  await until('the seventh', () => waiting.length === 1);
  waiting[0]?.end('ok');
  const answers = await Promise.all([first, ...more]);
  assert.deepEqual([...new Set(answers.map(({ body }) => body))], ['ok']);
});

test('HTTP/2 without TLS is spoken with prior knowledge', async (t) => {
  const { origin } = await startHttp2(t, echo, {}, true);
  assert.match((await ask(openHttp2(t, origin), { body: 'x' })).body, /^POST \/ .* x$/);
});

test('a pool of HTTP/1.1 goes over to HTTP/2 where the server offers nothing else', async (t) => {
  const { origin, sessions } = await startHttp2(t, echo);
  const pool = openPool(t, origin, {
    tls: { ca: loopback.cert },
    openHttp2: () => openHttp2(t, origin),
  });
  const answers = await Promise.all([ask(pool), ask(pool), ask(pool)]);
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
  assert.equal((await ask(pool)).status, 201);
  assert.equal(sessions.length, 1);
  await pool.close();
});

test('HTTP/2 goes through a proxy', async (t) => {
  const { origin } = await startHttp2(t, echo);
  const { name, asked } = await startProxy(t);
  const pool = openHttp2(t, origin, { proxy: parseProxy(name) as HttpProxy });
  assert.equal((await ask(pool)).status, 201);
  assert.deepEqual(asked, [`CONNECT ${new URL(origin).host}`]);
});

test('a server without HTTP/2 is recognized', async (t) => {
  const origin = await startProvider(t, (_req, res) => res.end('ok'));
  await assert.rejects(ask(openHttp2(t, origin)), { code: 'ERR_INVALID_RESPONSE' });
  const { createServer: createHttps } = await import('node:https');
  const server = createHttps(loopback, (_req, res) => res.end('ok'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const port = (server.address() as AddressInfo).port;
  await assert.rejects(
    ask(openHttp2(t, `https://127.0.0.1:${port}`)),
    /NO_APPLICATION_PROTOCOL|no application protocol|does not speak HTTP\/2/,
  );
});

test('an answer that breaks off is never taken for a whole one', async (t) => {
  // Node's own server ends a stream before it resets it.
  const frame = (type: number, flags: number, stream: number, payload: Buffer) =>
    Buffer.concat([Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream]), payload]);
  for (const code of [
    constants.NGHTTP2_CANCEL,
    constants.NGHTTP2_INTERNAL_ERROR,
    constants.NGHTTP2_ENHANCE_YOUR_CALM,
    null,
  ]) {
    const raw = createRaw((socket) => {
      socket.on('error', () => {});
      socket.write(frame(4, 0, 0, Buffer.alloc(0)));
      let bytes = 0;
      socket.on('data', (piece) => {
        const isFirst = bytes < 80 && bytes + piece.length >= 80;
        bytes += piece.length;
        if (!isFirst) return;
        socket.write(frame(4, 1, 0, Buffer.alloc(0)));
        socket.write(frame(1, 4, 1, Buffer.from([0x88])));
        socket.write(frame(0, 0, 1, Buffer.from('begin')));
        if (code === null) socket.destroySoon();
        else socket.write(frame(3, 0, 1, Buffer.from([0, 0, 0, code])));
      });
      t.after(() => socket.destroy());
    }).listen(0, '127.0.0.1');
    await once(raw, 'listening');
    t.after(() => raw.close());
    const pool = openHttp2(t, `http://127.0.0.1:${(raw.address() as AddressInfo).port}`);
    await assert.rejects(ask(pool), { code: 'ERR_CLOSED' }, String(code));
  }
});

test('a request that a server refuses untouched is sent once more, and no further', async (t) => {
  let refusals = 1;
  let requests = 0;
  const { origin } = await startHttp2(t, (stream) => {
    requests++;
    if (refusals-- > 0) stream.close(constants.NGHTTP2_REFUSED_STREAM);
    else stream.end('ok');
  });
  const pool = openHttp2(t, origin);
  assert.equal((await ask(pool)).body, 'ok');
  assert.equal(requests, 2);
  refusals = 5;
  requests = 0;
  await assert.rejects(ask(pool), { code: 'ERR_CLOSED' });
  assert.equal(requests, 2);
});

test('a server that goes away loses no request', async (t) => {
  const { origin, sessions } = await startHttp2(t, (stream) => stream.end('ok'));
  const pool = openHttp2(t, origin);
  for (let i = 0; i < 20; i++) {
    assert.equal((await ask(pool)).body, 'ok');
    sessions.at(-1)?.goaway(constants.NGHTTP2_NO_ERROR);
  }
});

test('time limits count to the head and between pieces, not while the reader pauses', async (t) => {
  const { origin } = await startHttp2(t, (stream, headers) => {
    if (headers[':path'] === '/silent') return;
    stream.respond({ ':status': 200 });
    stream.write('begin');
    if (headers[':path'] === '/stops') return;
    setTimeout(() => stream.end('end'), 100);
  });
  const pool = openHttp2(t, origin);
  const headersTimeout = 200;
  await assert.rejects(ask(pool, { path: '/silent', headersTimeout }), {
    code: 'ERR_HEADERS_TIMEOUT',
  });
  await assert.rejects(ask(pool, { path: '/stops', bodyTimeout: 200 }), {
    code: 'ERR_BODY_TIMEOUT',
  });
  const paused = await ask(
    pool,
    { path: '/goes-on', bodyTimeout: 200 },
    {
      onHead: (control) => {
        control.pause();
        setTimeout(() => control.resume(), 600);
      },
    },
  );
  assert.equal(paused.body, 'beginend');
});

test('an aborted request ends at its server, and the connection serves on', async (t) => {
  const closed: number[] = [];
  const { origin, sessions } = await startHttp2(t, (stream, headers) => {
    if (headers[':path'] === '/ok') return void stream.end('ok');
    stream.respond({ ':status': 200 });
    stream.write('begin');
    stream.on('close', () => closed.push(stream.rstCode));
  });
  const pool = openHttp2(t, origin);
  const reason = new Error('enough');
  await assert.rejects(ask(pool, {}, { onData: (control) => control.abort(reason) }), reason);
  await assert.rejects(ask(pool, {}, { onStart: (control) => control.abort(reason) }), reason);
  await until('its end at the server', () => closed.length === 1);
  assert.deepEqual(closed, [constants.NGHTTP2_CANCEL]);
  assert.equal((await ask(pool, { path: '/ok' })).body, 'ok');
  assert.equal(sessions.length, 1);
});

test('headers that would forge a head are not sent', async (t) => {
  const { origin } = await startHttp2(t, echo);
  const pool = openHttp2(t, origin);
  for (const changes of [
    { headers: ['x', 'a\r\nb: c'] },
    { headers: ['x y', 'a'] },
    { path: '/a b' },
  ]) {
    await assert.rejects(ask(pool, changes), { code: 'ERR_INVALID_REQUEST' });
  }
  assert.equal((await ask(pool)).status, 201);
});

test('a body of any size arrives whole, in both directions', async (t) => {
  const { origin } = await startHttp2(t, async (stream) => {
    const pieces: Buffer[] = [];
    for await (const piece of stream) pieces.push(piece);
    stream.end(Buffer.concat(pieces));
  });
  const pool = openHttp2(t, origin);
  for (const size of [0, 1, 16_384, 65_536, 3_000_000]) {
    const { body } = await ask(pool, { body: Buffer.alloc(size, 'x') });
    assert.equal(body.length, size);
  }
});

test('a body that arrives in pieces is relayed, and stopped when no longer needed', async (t) => {
  const { origin } = await startHttp2(t, async (stream, headers) => {
    if (headers[':path'] === '/early') return void stream.end('no');
    let bytes = 0;
    for await (const piece of stream) bytes += piece.length;
    stream.end(`${bytes} ${headers['content-length']}`);
  });
  const pool = openHttp2(t, origin);
  const upload = (bytes: number | null, pieces: number): BodyStream & { stopped: boolean } => {
    let sink: BodySink | null = null;
    let left = pieces;
    const body = {
      bytes,
      stopped: false,
      pipe(to: BodySink) {
        sink = to;
        body.resume();
      },
      resume() {
        while (left > 0) {
          left--;
          if (!sink?.write(Buffer.alloc(100_000, 'x'))) return;
        }
        if (left === 0) sink?.end();
      },
      stop() {
        body.stopped = true;
        left = -1;
      },
    };
    return body;
  };
  assert.equal((await ask(pool, { body: upload(null, 30) })).body, '3000000 undefined');
  assert.equal((await ask(pool, { body: upload(3_000_000, 30) })).body, '3000000 3000000');
  const unwanted = upload(null, 1_000);
  assert.equal((await ask(pool, { path: '/early', body: unwanted })).body, 'no');
  assert.ok(unwanted.stopped);
});

test('closing waits for requests in flight, destroying does not', async (t) => {
  const waiting: ServerHttp2Stream[] = [];
  const { origin } = await startHttp2(t, (stream) => waiting.push(stream));
  const pool = openHttp2(t, origin);
  const underWay = ask(pool);
  await until('the request', () => waiting.length === 1);
  let isClosed = false;
  const closing = pool.close().then(() => {
    isClosed = true;
  });
  assert.equal(isClosed, false);
  waiting.pop()?.end('ok');
  assert.equal((await underWay).body, 'ok');
  await closing;
  const other = openHttp2(t, origin);
  const cut = ask(other);
  await until('another request', () => waiting.length === 1);
  other.destroy();
  await assert.rejects(cut);
  const raw = createRaw(() => {}).listen(0, '127.0.0.1');
  await once(raw, 'listening');
  t.after(() => raw.close());
  const opening = openHttp2(t, `http://127.0.0.1:${(raw.address() as AddressInfo).port}`);
  const never = ask(opening);
  opening.destroy();
  await assert.rejects(never, { code: 'ERR_DESTROYED' });
});
