import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { chat } from '../../src/dialects/openai/dialects.js';
import { Attempt } from '../../src/upstream/attempt.js';
import type { NetPool } from '../../src/upstream/client/net-pool.js';
import { UpstreamError } from '../../src/upstream/upstream-error.js';
import { until } from '../support/until.js';
import { openPool, plainRequest, startProvider } from './provider-for-test.js';

function send(pool: NetPool, onDone?: () => void, headersTimeout = 30_000): Attempt {
  const attempt = new Attempt(chat, onDone);
  pool.dispatch({ ...plainRequest, headersTimeout }, attempt);
  return attempt;
}

/** The rest of an answer, as text. */
function bodyOf(attempt: Attempt): Promise<string> {
  const chunks = [attempt.takeHeld()];
  return new Promise((resolve, reject) => {
    attempt.read({
      onData: (chunk) => chunks.push(chunk) > 0,
      onEnd: () => resolve(Buffer.concat(chunks).toString()),
      onError: reject,
    });
  });
}

async function failureOf(attempt: Attempt): Promise<UpstreamError> {
  const error: unknown = await attempt.ready.then(
    () => assert.fail('an answer came'),
    (reason) => reason,
  );
  assert.ok(error instanceof UpstreamError);
  return error;
}

function deferred<T = void>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const event = (content: string) => `data: {"choices":[{"delta":{"content":"${content}"}}]}\n\n`;

test('an answer that is not a stream is ready when it is whole', async (t) => {
  const origin = await startProvider(t, (_req, res) => {
    res.writeHead(201, { 'content-type': 'application/json', 'x-a': ['1', '2'] });
    res.write('{"a":');
    setImmediate(() => res.end('1}'));
  });
  let done = 0;
  const attempt = send(openPool(t, origin), () => done++);
  await attempt.ready;
  assert.equal(attempt.status, 201);
  assert.deepEqual(attempt.headers['x-a'], ['1', '2']);
  assert.equal(attempt.stream, false);
  assert.equal(attempt.ended, true);
  assert.equal(await bodyOf(attempt), '{"a":1}');
  assert.equal(done, 1);
});

test('a stream is ready at its first content, and its bytes come in order', async (t) => {
  const more = deferred();
  const origin = await startProvider(t, async (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(': hello\n\n');
    res.write(event('a'));
    await more.promise;
    res.end(event('b'));
  });
  const attempt = send(openPool(t, origin));
  await attempt.ready;
  assert.equal(attempt.stream, true);
  assert.equal(attempt.ended, false);
  more.resolve();
  assert.equal(await bodyOf(attempt), `: hello\n\n${event('a')}${event('b')}`);
});

test('a reader gets what has arrived since the beginning was taken, before the end', async (t) => {
  const more = deferred();
  const done = deferred();
  const origin = await startProvider(t, async (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(event('a'));
    await more.promise;
    res.end(event('b'));
  });
  const attempt = send(openPool(t, origin), done.resolve);
  await attempt.ready;
  const beginning = attempt.takeHeld().toString();
  more.resolve();
  await done.promise;
  assert.equal(beginning + (await bodyOf(attempt)), event('a') + event('b'));
});

test('a reader that takes no more of what has arrived gets the rest once it resumes', async (t) => {
  const more = deferred();
  const size = 4 * 1_048_576;
  const origin = await startProvider(t, async (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(event('a'));
    await more.promise;
    res.end(Buffer.alloc(size, 'x'));
  });
  const attempt = send(openPool(t, origin));
  await attempt.ready;
  attempt.takeHeld();
  more.resolve();
  await until('the next bytes arrive', () => attempt.held.length > 0);
  let received = 0;
  let isPaused = false;
  const end = deferred();
  attempt.read({
    onData(chunk) {
      assert.ok(!isPaused);
      received += chunk.length;
      isPaused = true;
      setTimeout(() => {
        isPaused = false;
        attempt.resume();
      }, 1);
      return false;
    },
    onEnd: end.resolve,
    onError: (error) => assert.fail(error.message),
  });
  await end.promise;
  assert.equal(received, size);
});

test('a stream that begins with an error is a failure, and its connection is closed', async (t) => {
  const closed = deferred();
  const origin = await startProvider(t, (_req, res) => {
    res.on('close', closed.resolve);
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write('data: {"error":{"message":"overloaded"}}\n\n');
  });
  let done = 0;
  const attempt = send(openPool(t, origin), () => done++);
  await attempt.ready;
  assert.deepEqual([attempt.status, attempt.stream, attempt.ended], [502, false, true]);
  assert.equal(await bodyOf(attempt), '{"error":{"message":"overloaded"}}');
  await closed.promise;
  assert.equal(done, 1);
});

test('the body waits for its reader, and for the reader’s pace', async (t) => {
  const size = 32 * 1_048_576;
  let response: ServerResponse | undefined;
  const origin = await startProvider(t, (_req, res) => {
    response = res;
    res.writeHead(200, { 'content-type': 'application/octet-stream' });
    res.end(Buffer.alloc(size, 'x'));
  });
  const attempt = send(openPool(t, origin));
  await attempt.ready;
  const end = deferred();
  let received = attempt.takeHeld().length;
  assert.ok(received < 2 * 1_048_576, `${received} bytes were held`);
  let paused = false;
  attempt.read({
    onData(chunk) {
      assert.equal(paused, false, 'nothing comes while the reader is not ready');
      received += chunk.length;
      paused = true;
      setImmediate(() => {
        paused = false;
        attempt.resume();
      });
      return false;
    },
    onEnd: end.resolve,
    onError: (error) => assert.fail(error.message),
  });
  await end.promise;
  assert.equal(received, size);
  assert.equal(response?.writableFinished, true);
});

test('a connection that cannot be made is a failure that sent nothing', async (t) => {
  const unused = createServer().listen(0, '127.0.0.1');
  await once(unused, 'listening');
  const address = unused.address();
  unused.close();
  await once(unused, 'close');
  assert.ok(address !== null && typeof address === 'object');
  const attempt = send(openPool(t, `http://127.0.0.1:${address.port}`));
  const error = await failureOf(attempt);
  assert.equal(error.sent, false);
  assert.equal(attempt.sent, false);
  assert.equal(error.failure, 'connect');
  assert.equal(error.message, 'could not connect (ECONNREFUSED)');
});

test('a connection that breaks before the answer is a failure that was sent', async (t) => {
  const origin = await startProvider(t, (req) => req.socket.destroy());
  const error = await failureOf(send(openPool(t, origin)));
  assert.equal(error.sent, true);
  assert.equal(error.failure, 'reset');
});

test('an answer that is not HTTP is a protocol failure', async (t) => {
  const server = createServer((socket) => socket.end('SSH-2.0-hello\r\n\r\n')).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const error = await failureOf(send(openPool(t, `http://127.0.0.1:${address.port}`)));
  assert.equal(error.failure, 'protocol');
});

test('a web page is a protocol failure, and JSON that is called one is an answer', async (t) => {
  let type = 'text/html; charset=utf-8';
  let text = '\n<!doctype html><title>Sign in</title>';
  const origin = await startProvider(t, (_req, res) => {
    res.writeHead(200, { 'content-type': type });
    res.end(text);
  });
  const pool = openPool(t, origin);
  assert.equal((await failureOf(send(pool))).failure, 'protocol');
  type = 'Application/XHTML+XML';
  assert.equal((await failureOf(send(pool))).failure, 'protocol');
  for (const [otherType, otherText] of [
    ['text/html', '{"choices":[]}'],
    ['text/plain', text],
  ] as const) {
    [type, text] = [otherType, otherText];
    const attempt = send(pool);
    await attempt.ready;
    assert.equal(await bodyOf(attempt), text);
  }
});

test('a provider that does not answer in time is a timeout', async (t) => {
  const origin = await startProvider(t, () => {});
  const error = await failureOf(send(openPool(t, origin), undefined, 100));
  assert.equal(error.failure, 'timeout');
  assert.equal(error.sent, true);
});

test('a stream that breaks is an error to its reader, after the bytes that came', async (t) => {
  const origin = await startProvider(t, (req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(event('a'), () => req.socket.destroy());
  });
  let done = 0;
  const attempt = send(openPool(t, origin), () => done++);
  await attempt.ready;
  await assert.rejects(bodyOf(attempt), { name: 'UpstreamError', failure: 'reset', sent: true });
  assert.equal(done, 1);
});

test('an abort while the request waits for a connection sends nothing', async (t) => {
  let requests = 0;
  const first = deferred<ServerResponse>();
  const origin = await startProvider(t, (_req, res) => {
    requests++;
    if (requests === 1) first.resolve(res);
    else res.end('ok');
  });
  const pool = openPool(t, origin);
  const ahead = send(pool);
  const response = await first.promise;
  const waiting = send(pool);
  waiting.abort();
  const error = await failureOf(waiting);
  assert.equal(error.failure, 'aborted');
  assert.equal(error.sent, false);
  response.end('ok');
  await ahead.ready;
  const after = send(pool);
  await after.ready;
  assert.equal(requests, 2);
});

test('an abort before the first connection opens does not become an answer later', async (t) => {
  const origin = await startProvider(t, (_req, res) => res.end('late'));
  const attempt = send(openPool(t, origin));
  attempt.abort();
  assert.equal((await failureOf(attempt)).failure, 'aborted');
  attempt.abort();
});

test('an abort before the head closes the connection to the provider', async (t) => {
  const arrived = deferred<IncomingMessage>();
  const origin = await startProvider(t, (req) => arrived.resolve(req));
  const attempt = send(openPool(t, origin));
  const { socket } = await arrived.promise;
  const closed = once(socket, 'close');
  attempt.abort();
  const error = await failureOf(attempt);
  assert.equal(error.failure, 'aborted');
  assert.equal(error.sent, true);
  await closed;
});

test('an abort in the body closes the connection, also while it is paused', async (t) => {
  for (const pause of [false, true]) {
    const arrived = deferred<IncomingMessage>();
    const origin = await startProvider(t, (req, res) => {
      arrived.resolve(req);
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(event('a'));
      const timer = setInterval(() => res.write(event('b')), 5);
      res.on('close', () => clearInterval(timer));
    });
    let done = 0;
    const attempt = send(openPool(t, origin), () => done++);
    await attempt.ready;
    const { socket } = await arrived.promise;
    const closed = once(socket, 'close');
    const received = deferred();
    let ended = 0;
    attempt.read({
      onData() {
        received.resolve();
        return !pause;
      },
      onEnd: () => ended++,
      onError: () => {},
    });
    await received.promise;
    attempt.abort();
    await closed;
    assert.equal(ended, 0);
    assert.equal(done, 1);
  }
});
