import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type LookupFunction, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { ClientError } from '../../../src/upstream/client/client-error.js';
import type {
  AnswerControl,
  ClientRequest,
} from '../../../src/upstream/client/exchange-handler.js';
import { client, first } from '../../server/certificates.js';
import { until } from '../../support/until.js';
import { openPool, startProvider } from '../provider-for-test.js';
import { ask } from './ask-pool.js';

/** A server of bytes; `serve` gets each connection, and is told of each of its requests. */
async function startRaw(t: TestContext, onRequest: (socket: Socket, text: string) => void) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => onRequest(socket, bytes.toString('latin1')));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const hasCode = (code: string) => (error: unknown) =>
  error instanceof ClientError && error.code === code;

test('a request is written as RFC 9112 requires', async (t) => {
  let received = '';
  const { origin } = await startRaw(t, (socket, text) => {
    received += text;
    socket.write(ok);
  });
  const pool = openPool(t, origin);
  const headers = ['x-a', 'é', 'x-a', '2'];
  assert.equal((await ask(pool, { path: '/v1/x?y=1', headers, body: 'ä' })).body, 'ok');
  const { host } = new URL(origin);
  assert.equal(
    received,
    `POST /v1/x?y=1 HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n` +
      'x-a: é\r\nx-a: 2\r\ncontent-length: 2\r\n\r\nÃ¤',
  );
  received = '';
  await ask(pool, { method: 'GET', path: '/', body: null });
  assert.equal(received, `GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n\r\n`);
});

test('a body of any size arrives whole', async (t) => {
  const origin = await startProvider(t, async (req, res) => {
    let bytes = 0;
    for await (const piece of req) bytes += piece.length;
    res.end(String(bytes));
  });
  const pool = openPool(t, origin);
  for (const size of [0, 1, 16_384, 16_385, 5_000_000]) {
    assert.equal((await ask(pool, { body: Buffer.alloc(size, 'x') })).body, String(size));
  }
});

test('headers that would split or forge a head are not sent, and the connection serves on', async (t) => {
  let requests = 0;
  const { origin, sockets } = await startRaw(t, (socket) => {
    requests++;
    socket.write(ok);
  });
  const pool = openPool(t, origin);
  const forged: Partial<ClientRequest>[] = [
    { headers: ['x', 'a\r\nb: c'] },
    { headers: ['x', 'a\0'] },
    { headers: ['x y', 'a'] },
    { headers: ['', 'a'] },
    { headers: ['x', '\u{100}'] },
    { path: '/a b' },
    { path: '/a\r\n' },
  ];
  for (const each of forged) await assert.rejects(ask(pool, each), hasCode('ERR_INVALID_REQUEST'));
  assert.equal((await ask(pool)).body, 'ok');
  assert.deepEqual([requests, sockets.length], [1, 1]);
});

test('a connection is used again, the newest first, and at most as many are open', async (t) => {
  const { origin, sockets } = await startRaw(t, (socket, text) => {
    const path = text.split(' ')[1];
    setTimeout(() => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${path?.length}\r\n\r\n${path}`);
    }, 5);
  });
  const pool = openPool(t, origin, { maxConnections: 3 });
  const paths = Array.from({ length: 20 }, (_, i) => `/${i}`);
  const answers = await Promise.all(paths.map((path) => ask(pool, { path })));
  assert.deepEqual(
    answers.map(({ body }) => body),
    paths,
  );
  assert.equal(sockets.length, 3);
  for (const path of paths) assert.equal((await ask(pool, { path })).body, path);
  assert.equal(sockets.length, 3);
});

test('a connection is not used again when its server does not keep it', async (t) => {
  const answers = [
    'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok',
    'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nkeep-alive: max=5, timeout=0\r\ncontent-length: 2\r\n\r\nok',
  ];
  for (const answer of answers) {
    const { origin, sockets } = await startRaw(t, (socket) => socket.write(answer));
    const pool = openPool(t, origin);
    for (let i = 0; i < 2; i++) assert.equal((await ask(pool)).body, 'ok');
    assert.equal(sockets.length, 2, answer);
  }
});

test('an idle connection is closed before its server would, or after 4 seconds', async (t) => {
  const answers = ['HTTP/1.1 200 OK\r\nkeep-alive: timeout=2\r\ncontent-length: 2\r\n\r\nok', ok];
  for (const answer of answers) {
    const { origin, sockets } = await startRaw(t, (socket) => socket.write(answer));
    const pool = openPool(t, origin);
    await ask(pool);
    await ask(pool);
    assert.equal(sockets.length, 1, 'it is kept until then');
    await once(sockets[0] as Socket, 'close');
  }
});

test('a connection that its server closes while idle serves no request', async (t) => {
  const { origin, sockets } = await startRaw(t, (socket) => socket.write(ok));
  const pool = openPool(t, origin);
  await ask(pool);
  const [only] = sockets;
  only?.end();
  await once(only as Socket, 'close');
  assert.equal((await ask(pool)).body, 'ok');
  assert.equal(sockets.length, 2);
});

test('a server that closes idle connections early is left before it does so again', async (t) => {
  const ends: string[] = [];
  const { origin, sockets } = await startRaw(t, (socket) => {
    socket.write(ok);
    const timer = setTimeout(() => {
      ends.push('server');
      socket.end();
    }, 1_500);
    socket.on('close', () => clearTimeout(timer));
    socket.on('end', () => ends.push('client'));
  });
  const pool = openPool(t, origin);
  for (const connections of [1, 2]) {
    await ask(pool);
    await once(sockets[connections - 1] as Socket, 'close');
  }
  assert.deepEqual(ends, ['server', 'client', 'client']);
});

test('a connection that is closed at once after its answer, or ends one, says nothing about others', async (t) => {
  let requests = 0;
  const { origin, sockets } = await startRaw(t, (socket) => {
    requests++;
    if (requests !== 3) socket.write(ok);
    if (requests === 1) setTimeout(() => socket.end(), 50);
    if (requests === 3) setTimeout(() => socket.end('HTTP/1.1 200 OK\r\n\r\nok'), 600);
  });
  const pool = openPool(t, origin);
  await ask(pool);
  await once(sockets[0] as Socket, 'close');
  for (let i = 0; i < 3; i++) assert.equal((await ask(pool)).body, 'ok');
  await pause(500);
  await ask(pool);
  assert.equal(sockets.length, 3);
});

test('bytes that follow an answer are never taken for the next one', async (t) => {
  const { origin, sockets } = await startRaw(t, (socket, text) => {
    socket.write(
      text.includes('/first') ? `${ok}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil` : ok,
    );
  });
  const pool = openPool(t, origin);
  const both = [ask(pool, { path: '/first' }), ask(pool, { path: '/second' })];
  for (const answer of await Promise.all(both)) assert.equal(answer.body, 'ok');
  assert.equal(sockets.length, 2);
});

test('bytes that come without a request close the connection', async (t) => {
  const { origin, sockets } = await startRaw(t, (socket) => socket.write(ok));
  const pool = openPool(t, origin);
  await ask(pool);
  const [only] = sockets;
  only?.write('HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n');
  await once(only as Socket, 'close');
  assert.equal((await ask(pool)).body, 'ok');
});

test('interim answers are passed over', async (t) => {
  const { origin } = await startRaw(t, (socket) => {
    socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n');
    socket.write(ok);
  });
  const { status, body } = await ask(openPool(t, origin));
  assert.deepEqual([status, body], [200, 'ok']);
});

test('an answer may be chunked, end with the connection, or have no body', async (t) => {
  const cases: [answer: string, ends: boolean, expected: unknown[]][] = [
    [
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\nx: y\r\n\r\n',
      false,
      [200, 'ab'],
    ],
    ['HTTP/1.1 200 OK\r\n\r\nto the end', true, [200, 'to the end']],
    ['HTTP/1.1 204 No Content\r\n\r\n', false, [204, '']],
  ];
  for (const [answer, ends, expected] of cases) {
    const { origin } = await startRaw(t, (socket) =>
      ends ? socket.end(answer) : socket.write(answer),
    );
    const { status, body } = await ask(openPool(t, origin));
    assert.deepEqual([status, body], expected);
  }
});

test('a cut answer is an error, and so is an invalid one', async (t) => {
  const cases: [answer: string, code: string][] = [
    ['', 'ERR_CLOSED'],
    ['HTTP/1.1 200 OK\r\ncontent-le', 'ERR_CLOSED'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok', 'ERR_CLOSED'],
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n', 'ERR_CLOSED'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok', 'ERR_INVALID_RESPONSE'],
    [
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
      'ERR_INVALID_RESPONSE',
    ],
    ['SSH-2.0-hello\r\n', 'ERR_INVALID_RESPONSE'],
  ];
  for (const [answer, code] of cases) {
    const { origin } = await startRaw(t, (socket) => socket.end(answer));
    await assert.rejects(ask(openPool(t, origin)), hasCode(code), answer);
  }
});

test('an answer before the body is sent is the answer, and the connection is not kept', async (t) => {
  const { origin, sockets } = await startRaw(t, (socket) => {
    if (socket.bytesWritten > 0) return;
    socket.pause();
    socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n');
  });
  const pool = openPool(t, origin);
  assert.equal((await ask(pool, { body: Buffer.alloc(20_000_000) })).status, 413);
  sockets[0]?.resume();
  assert.equal((await ask(pool)).status, 413);
  assert.equal(sockets.length, 2);
});

test('the times to connect, to the head and between pieces are kept', async (t) => {
  const silent: LookupFunction = () => {};
  const unknown = openPool(t, 'http://provider.invalid', { lookup: silent, connectTimeoutMs: 50 });
  await assert.rejects(ask(unknown), hasCode('ERR_CONNECT_TIMEOUT'));
  const { origin } = await startRaw(t, (socket, text) => {
    if (text.includes('/half')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf');
  });
  const pool = openPool(t, origin);
  await assert.rejects(ask(pool, { headersTimeout: 50 }), hasCode('ERR_HEADERS_TIMEOUT'));
  const half = ask(pool, { path: '/half', bodyTimeout: 50 });
  await assert.rejects(half, hasCode('ERR_BODY_TIMEOUT'));
});

test('an answer that its reader has paused does not time out, and continues', async (t) => {
  const { origin } = await startRaw(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab');
    setTimeout(() => socket.write('cd'), 20);
  });
  let isFirst = true;
  const answer = await ask(
    openPool(t, origin),
    { bodyTimeout: 200 },
    {
      onData(control) {
        if (isFirst) setTimeout(() => control.resume(), 600);
        if (isFirst) control.pause();
        isFirst = false;
      },
    },
  );
  assert.equal(answer.body, 'abcd');
});

test('a request that was aborted before it left costs no connection', async (t) => {
  let requests = 0;
  const { origin, sockets } = await startRaw(t, (socket) => {
    requests++;
    socket.write(ok);
  });
  const pool = openPool(t, origin);
  await ask(pool);
  const reason = new Error('gone');
  await assert.rejects(ask(pool, {}, { onStart: (control) => control.abort(reason) }), reason);
  assert.equal((await ask(pool)).body, 'ok');
  assert.deepEqual([requests, sockets.length], [2, 1]);
});

test('the controls of an old answer do not touch the next one', async (t) => {
  const { origin } = await startRaw(t, (socket) => socket.write(ok));
  const pool = openPool(t, origin);
  let old: AnswerControl | undefined;
  await ask(
    pool,
    {},
    {
      onStart: (control) => {
        old = control;
      },
    },
  );
  const next = ask(pool, {}, { onStart: () => {} });
  old?.pause();
  old?.abort(new Error('late'));
  assert.equal((await next).body, 'ok');
});

test('each address of a name is tried', async (t) => {
  const { origin } = await startRaw(t, (socket) => socket.write(ok));
  const { port } = new URL(origin);
  const lookup: LookupFunction = (_name, _options, callback) =>
    callback(null, [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ]);
  const pool = openPool(t, `http://provider.invalid:${port}`, { lookup });
  assert.equal((await ask(pool)).body, 'ok');
});

test('a closed pool finishes requests in flight, a destroyed one does not', async (t) => {
  const { origin, sockets } = await startRaw(t, (socket, text) => {
    if (text.includes('/slow')) setTimeout(() => socket.write(ok), 50);
  });
  const closing = openPool(t, origin);
  const slow = [ask(closing, { path: '/slow' }), ask(closing, { path: '/slow' })];
  await closing.close();
  for (const answer of await Promise.all(slow)) assert.equal(answer.body, 'ok');
  await until('the end of its connections', () => sockets.every(({ destroyed }) => destroyed));
  const destroyed = openPool(t, origin);
  const lost = [ask(destroyed), ask(destroyed)];
  await until('the request', () => sockets.some((socket) => !socket.destroyed));
  destroyed.destroy();
  for (const each of lost) await assert.rejects(each, hasCode('ERR_DESTROYED'));
});

const atLoopback: LookupFunction = (_name, _options, callback) =>
  callback(null, [{ address: '127.0.0.1', family: 4 }]);

test('TLS checks the name by the CA that is given, and uses sessions again', async (t) => {
  const server = createHttpsServer(
    { ...first, ca: client.cert, requestCert: true, rejectUnauthorized: false },
    (req, res) => {
      const socket = req.socket as TLSSocket;
      res.setHeader('connection', 'close');
      res.end(`${socket.authorized} ${socket.isSessionReused()}`);
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const open = (name: string, tls: SecureContextOptions) =>
    openPool(t, `https://${name}:${port}`, { lookup: atLoopback, tls });
  const trusting = open('first', { ca: first.cert });
  assert.equal((await ask(trusting)).body, 'false false');
  assert.match((await ask(trusting)).body, / true$/);
  assert.equal((await ask(open('first', { ...client, ca: first.cert }))).body, 'true false');
  const isUnknown = { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' };
  await assert.rejects(ask(open('first', {})), isUnknown);
  const isOther = { code: 'ERR_TLS_CERT_ALTNAME_INVALID' };
  await assert.rejects(ask(open('second', { ca: first.cert })), isOther);
});
