import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Exchange, ServerOptions } from '../../src/server/exchange.js';
import { netEngine } from '../../src/server/net.js';
import { client, first, second } from './certificates.js';
import { rawClient, signal, withServer } from './support.js';

const text = ['content-type', 'text/plain'];
const echoPath = (exchange: Exchange) => exchange.respond(200, text, `<${exchange.path}>`);
const echoBody = (exchange: Exchange) => {
  exchange.readBody(1 << 20).then(
    (body) => exchange.respond(200, text, `<${body}>`),
    () => {},
  );
};
const get = (path: string, ...fields: string[]) =>
  `${[`GET ${path} HTTP/1.1`, 'Host: h', ...fields].join('\r\n')}\r\n\r\n`;

/** The answer of a server to these bytes, up to the close of the connection. */
async function answerTo(bytes: string, handler = echoPath): Promise<string> {
  let received = '';
  await withServer(netEngine, handler, async (server) => {
    const client = await rawClient(server.port);
    await client.send(Buffer.from(bytes, 'latin1'));
    received = (await client.closed).received;
  });
  return received;
}

describe('the net engine and old or odd clients', { timeout: 60_000 }, () => {
  it('reads a request line in two segments', async () => {
    await withServer(netEngine, echoPath, async (server) => {
      const client = await rawClient(server.port);
      await client.send('GET /a HT');
      await new Promise((resolve) => setTimeout(resolve, 20));
      await client.send('TP/1.1\r\nHost: h\r\n\r\n');
      await client.until(/^HTTP\/1.1 200 OK[\s\S]*<\/a>$/);
    });
  });

  it('answers HTTP/1.0 and closes, with or without a length', async () => {
    const received = await answerTo('\r\nGET /a HTTP/1.0\r\n\r\n');
    assert.match(received, /^HTTP\/1.1 200 OK\r\n[\s\S]*connection: close\r\n[\s\S]*<\/a>$/);
    const streamed = await answerTo(
      'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
      (exchange) => {
        exchange.writeHead(200, text);
        exchange.write(Buffer.from('one'));
        exchange.write(Buffer.from('two'));
        exchange.end();
      },
    );
    assert.match(streamed, /connection: close/);
    assert.doesNotMatch(streamed, /transfer-encoding/);
    assert.match(streamed, /\r\n\r\nonetwo$/);
  });

  it('keeps an HTTP/1.0 connection open on request', async () => {
    await withServer(netEngine, echoPath, async (server) => {
      const client = await rawClient(server.port);
      const request = 'GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n';
      await client.send(request);
      await client.until(/connection: keep-alive\r\nkeep-alive: timeout=75\r\n[\s\S]*<\/a>$/);
      await client.send(request);
      await client.until(/<\/a>[\s\S]*<\/a>$/);
    });
  });

  it('has a body at once that arrives with its head, and only if it is whole and small enough', async () => {
    const taken: (string | undefined)[] = [];
    const third = signal();
    const handler = (exchange: Exchange) => {
      taken.push(exchange.takeBody?.(5)?.toString());
      const again = exchange.takeBody?.(5)?.toString();
      if (taken.length === 3) third.resolve();
      exchange.readBody(10).then((body) => {
        exchange.respond(200, text, `<${taken.at(-1)} ${again} ${body}>`);
      });
    };
    await withServer(netEngine, handler, async (server) => {
      const client = await rawClient(server.port);
      const post = (length: number, body: string) =>
        client.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\r\n${body}`);
      await post(5, 'whole');
      await client.until(/<whole undefined >$/);
      await post(6, 'larger');
      await client.until(/<undefined undefined larger>$/);
      await post(5, 'pa');
      await third.promise;
      await client.send('rts');
      await client.until(/<undefined undefined parts>$/);
      await client.send(get('/'));
      await client.until(/< {2}>$/);
    });
  });

  it('sends the date and how long the connection stays open', async () => {
    await withServer(netEngine, echoPath, async (server) => {
      const client = await rawClient(server.port);
      await client.send(get('/'));
      const received = await client.until(/<\/>$/);
      assert.match(received, /\r\nkeep-alive: timeout=75\r\n/);
      const date = Date.parse(/\r\ndate: (.*)\r\n/.exec(received)?.[1] ?? '');
      assert.ok(Math.abs(Date.now() - date) < 60_000);
    });
  });

  it('takes the path of a target in absolute form', async () => {
    assert.match(await answerTo(get('http://other/a', 'Connection: close')), /<\/a>$/);
  });

  it('answers a client that has closed its side and still reads', async () => {
    for (const ms of [0, 1_000]) {
      const late = (exchange: Exchange) => void setTimeout(() => echoPath(exchange), ms);
      await withServer(netEngine, late, async (server) => {
        const client = await rawClient(server.port);
        client.socket.end(get('/a'));
        const { received } = await client.closed;
        // Interim responses test whether the client is there.
        assert.match(
          received,
          /^(HTTP\/1.1 100 Continue\r\n\r\n)*HTTP\/1.1 200 OK\r\n[\s\S]*<\/a>$/,
        );
        assert.equal(received.startsWith('HTTP/1.1 200'), ms === 0);
      });
    }
  });

  it('streams to a client that has closed its side, in chunks that can be read', async () => {
    const started = signal<Exchange>();
    await withServer(netEngine, started.resolve, async (server, origin) => {
      const client = await rawClient(server.port);
      client.socket.end(get('/a'));
      const exchange = await started.promise;
      exchange.writeHead(200, text);
      exchange.write(Buffer.from('one'));
      // A zero, which begins the size of the next chunk, tests whether the client is there.
      await client.until(/one\r\n00$/);
      exchange.write(Buffer.from('two'));
      await client.until(/one\r\n003\r\ntwo\r\n$/);
      exchange.end();
      assert.match((await client.closed).received, /two\r\n0\r\n\r\n$/);
      assert.equal(origin.startsWith('http'), true);
    });
  });

  it('aborts a request whose client closes its side within the body', async () => {
    const left = signal();
    const note = (exchange: Exchange) => exchange.onAbort(left.resolve);
    await withServer(netEngine, note, async (server) => {
      const client = await rawClient(server.port);
      client.socket.end('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel');
      await left.promise;
      await client.closed;
      assert.equal(server.active, 0);
    });
  });

  it('notices that a client of HTTP/1.0 has left', async () => {
    const left = signal();
    const note = (exchange: Exchange) => exchange.onAbort(left.resolve);
    await withServer(netEngine, note, async (server) => {
      const client = await rawClient(server.port);
      await client.send('GET / HTTP/1.0\r\n\r\n');
      client.socket.destroy();
      await left.promise;
    });
  });

  it('answers pipelined requests in order, however slowly', async () => {
    const later = (exchange: Exchange) =>
      void exchange.readBody(1 << 20).then((body) => {
        setTimeout(() => exchange.respond(200, text, `<${body}>`), 3 - (body.length % 3));
      });
    await withServer(netEngine, later, async (server) => {
      const client = await rawClient(server.port);
      const numbers = Array.from({ length: 100 }, (_, i) => 'x'.repeat(i + 1));
      const request = (body: string) =>
        `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      await client.send(numbers.map(request).join(''));
      const received = await client.until(/<x{100}>/);
      assert.deepEqual(
        Array.from(received.matchAll(/<(x+)>/g), ([, body]) => body?.length),
        numbers.map(({ length }) => length),
      );
      assert.equal(server.active, 0);
    });
  });

  it('reads no more pipelined bytes than it can hold', async () => {
    const first = signal<Exchange>();
    let handled = 0;
    const handler = (exchange: Exchange) => {
      if (++handled === 1) first.resolve(exchange);
      else exchange.respond(200, text, '');
    };
    await withServer(netEngine, handler, async (server) => {
      const client = await rawClient(server.port);
      const request = get('/', `X: ${'x'.repeat(10_000)}`);
      const count = 3_000;
      let sent = false;
      client.socket.write(request.repeat(count), () => {
        sent = true;
      });
      const exchange = await first.promise;
      for (let turn = 0; turn < 500; turn++) await new Promise(setImmediate);
      assert.equal(sent, false, '30 MB were taken while nothing was answered');
      exchange.respond(200, text, '');
      const answers = () => client.received.split('HTTP/1.1 200 OK').length - 1;
      while (answers() < count) await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(handled, count);
    });
  });

  it('answers no further request than the client reads', async () => {
    const body = Buffer.alloc(1_000_000, 'x');
    let handled = 0;
    const handler = (exchange: Exchange) => {
      handled++;
      exchange.respond(200, text, body);
    };
    await withServer(netEngine, handler, async (server) => {
      const client = await rawClient(server.port);
      client.socket.pause();
      await client.send(get('/').repeat(200));
      for (let turn = 0; turn < 500; turn++) await new Promise(setImmediate);
      assert.ok(handled < 50, `${handled} answers were made for a client that reads none`);
      client.socket.resume();
      client.socket.on('data', () => {});
      while (handled < 200) await new Promise(setImmediate);
    });
  });
});

describe('the net engine and what is not HTTP', { timeout: 60_000 }, () => {
  const refusals: Record<string, readonly [bytes: string, status: number]> = {
    'a target that is too long': [get(`/${'a'.repeat(9_000)}`), 414],
    'another version': ['GET / HTTP/3.0\r\n', 505],
    'another expectation': [get('/', 'Expect: tea'), 417],
    'a bare line feed': ['GET / HTTP/1.1\nHost: h\n\n', 400],
    'a handshake of TLS': ['\x16\x03\x01\x02\x00\x01\x00', 400],
    'a space before a colon': [get('/', 'X : y'), 400],
    CONNECT: ['CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  };
  for (const [what, [bytes, status]] of Object.entries(refusals)) {
    it(`refuses ${what} with an ordinary error body, and closes`, async () => {
      const received = await answerTo(bytes, () => assert.fail('it was handled'));
      assert.match(received, new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*\r\nconnection: close\r\n`));
      const { error } = JSON.parse(received.slice(received.indexOf('\r\n\r\n')));
      assert.equal(error.code, 'invalid_request');
    });
  }

  it('refuses a bad chunk before the answer, and aborts the request', async () => {
    let aborts = 0;
    const received = await answerTo(
      'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n',
      (exchange) => {
        exchange.onAbort(() => aborts++);
        echoBody(exchange);
      },
    );
    assert.match(received, /^HTTP\/1.1 400 /);
    assert.equal(aborts, 1);
  });

  it('cuts the response short when its request turns out not to be HTTP', async () => {
    await withServer(
      netEngine,
      (exchange) => {
        exchange.writeHead(200, text);
        exchange.write(Buffer.from('part'));
      },
      async (server) => {
        const client = await rawClient(server.port);
        await client.send('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n');
        await client.until(/part/);
        await client.send('zzz\r\n');
        const { received } = await client.closed;
        assert.doesNotMatch(received, /HTTP\/1.1 400|0\r\n\r\n$/);
        assert.equal(server.active, 0);
      },
    );
  });

  it('serves nothing after a refused request', async () => {
    const received = await answerTo(`POST / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n${get('/b')}`);
    assert.doesNotMatch(received, /<\/b>/);
  });
});

describe('the net engine and slow clients', { timeout: 60_000 }, () => {
  const withTimeouts = async (
    timeouts: ServerOptions['timeouts'],
    handler: ServerOptions['handler'],
    use: (port: number) => Promise<void>,
  ) => {
    const options = { host: '127.0.0.1', port: 0, handler, ...(timeouts && { timeouts }) };
    const server = await netEngine.listen(options);
    try {
      await use(server.port);
      while (server.active > 0) await new Promise(setImmediate);
    } finally {
      server.close();
    }
  };

  it('answers 408 when headers do not end, though bytes keep arriving', async () => {
    await withTimeouts({ head: 500 }, echoPath, async (port) => {
      const client = await rawClient(port);
      const drip = setInterval(() => client.socket.write('x'), 50);
      await client.send('GET / HTTP/1.1\r\nX: ');
      const { received } = await client.closed;
      clearInterval(drip);
      assert.match(received, /^HTTP\/1.1 408 /);
    });
  });

  it('closes a connection without a first or a next request', async () => {
    await withTimeouts({ head: 300, idle: 300 }, echoPath, async (port) => {
      const silent = await rawClient(port);
      assert.equal((await silent.closed).received, '');
      const idle = await rawClient(port);
      await idle.send(get('/a'));
      const { received, error } = await idle.closed;
      assert.match(received, /keep-alive: timeout=1\r\n[\s\S]*<\/a>$/);
      assert.equal(error, null);
    });
  });

  it('disconnects a client that stops within its body', async () => {
    await withTimeouts({ uploadStall: 300 }, echoBody, async (port) => {
      const client = await rawClient(port);
      await client.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel');
      assert.equal((await client.closed).received, '');
    });
  });

  it('keeps a slow answer open for a silent client', async () => {
    const late = (exchange: Exchange) => void setTimeout(() => echoPath(exchange), 2_500);
    const all = { head: 300, idle: 300, uploadStall: 300, linger: 300 };
    await withTimeouts(all, late, async (port) => {
      const client = await rawClient(port);
      await client.send(get('/a'));
      await client.until(/<\/a>$/);
    });
  });

  it('disconnects a client that does not close after the last answer', async () => {
    await withTimeouts({ linger: 300 }, echoPath, async (port) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      await once(socket, 'connect');
      socket.on('error', () => {});
      socket.write(get('/a', 'Connection: close'));
      socket.resume();
      await once(socket, 'end');
      // The server is gone: sending now is answered by a reset.
      const drip = setInterval(() => socket.write('x'), 50);
      await new Promise((resolve) => socket.on('close', resolve));
      clearInterval(drip);
    });
  });
});

describe('connections of the net engine that share memory', { timeout: 60_000 }, () => {
  it('keep requests that wait, and the parts of heads and bodies', async () => {
    const waiting: (() => void)[] = [];
    let arrived = signal();
    const handler = (exchange: Exchange) => {
      if (exchange.path !== '/wait') return echoBody(exchange);
      waiting.push(() => exchange.respond(200, text, 'waited'));
      arrived.resolve();
    };
    await withServer(netEngine, handler, async (server) => {
      const client = await rawClient(server.port);
      const other = await rawClient(server.port);
      let others = 0;
      const overwrite = async () => {
        const body = 'X'.repeat(2_000);
        await other.send(`POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2000\r\n\r\n${body}`);
        await other.until(new RegExp(`(X>[\\s\\S]*){${++others}}$`));
      };
      const post = 'POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n';
      await client.send(`${get('/wait')}${post}one`);
      await arrived.promise;
      await overwrite();
      await client.send('two');
      await overwrite();
      await client.send('four');
      await client.send(post.slice(0, 30));
      await overwrite();
      waiting.pop()?.();
      await client.until(/waited[\s\S]*<onetwofour>$/);
      await client.send(`${post.slice(30)}in`);
      await overwrite();
      await client.send(' parts');
      await overwrite();
      await client.send('..');
      await client.until(/<in parts..>$/);
      arrived = signal();
      await client.send(get('/wait'));
      await arrived.promise;
      await client.send(`${post}held alone`);
      await overwrite();
      waiting.pop()?.();
      await client.until(/<held alone>$/);
      await client.send(
        'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nchun',
      );
      await overwrite();
      await client.send('\r\n3\r\nked\r\n0\r\n\r\n');
      await client.until(/<chunked>$/);
    });
  });

  it('are read no faster than the one that took them over, and their bytes stay as they are', async () => {
    const taken = signal<Duplex>();
    const handler = (exchange: Exchange) => taken.resolve(exchange.upgrade([]));
    await withServer(netEngine, handler, async (server) => {
      const client = await rawClient(server.port);
      await client.send(get('/', 'Connection: upgrade', 'Upgrade: websocket'));
      const socket = await taken.promise;
      const sent = Buffer.alloc(4 << 20, 'a');
      for (let i = 0; i < sent.length; i += 1_000) sent.write(String(i), i);
      client.socket.write(sent);
      const pieces: Buffer[] = [];
      socket.on('data', (piece: Buffer) => {
        pieces.push(piece);
        if (pieces.length % 10 !== 1) return;
        socket.pause();
        setTimeout(() => socket.resume(), 1);
      });
      socket.resume();
      client.socket.end();
      await new Promise((resolve) => socket.on('end', resolve));
      assert.ok(Buffer.concat(pieces).equals(sent));
      socket.end();
      await client.closed;
    });
  });
});

describe('the net engine changes the protocol', { timeout: 60_000 }, () => {
  it('upgrades with the bytes that arrived early', async () => {
    const handler = (exchange: Exchange) => {
      assert.equal(exchange.upgradeTo, 'websocket');
      setImmediate(() => {
        const socket = exchange.upgrade(['sec-websocket-accept', 'x']);
        socket.on('data', (chunk: Buffer) => socket.write(`echo ${chunk}`));
        socket.on('end', () => socket.end());
        socket.resume();
      });
    };
    await withServer(netEngine, handler, async (server) => {
      const client = await rawClient(server.port);
      await client.send(`${get('/', 'Connection: Upgrade', 'Upgrade: WebSocket')}early`);
      await client.until(
        /^HTTP\/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n\r\necho early$/,
      );
      await client.send(get('/no-request'));
      await client.until(/echo GET \/no-request/);
      assert.equal(server.active, 1);
      client.socket.end();
      await client.closed;
      while (server.active > 0) await new Promise(setImmediate);
    });
  });

  it('only when the client asks for it and no answer has begun', async () => {
    const handler = (exchange: Exchange) => {
      if (exchange.path === '/asks') {
        exchange.respond(200, text, 'ok');
        assert.throws(() => exchange.upgrade([]), /cannot be upgraded/);
      } else {
        assert.equal(exchange.upgradeTo, '');
        assert.throws(() => exchange.upgrade([]), /cannot be upgraded/);
        exchange.respond(200, text, 'ok');
      }
    };
    await withServer(netEngine, handler, async (server) => {
      const client = await rawClient(server.port);
      await client.send(get('/asks', 'Connection: upgrade', 'Upgrade: h2c') + get('/'));
      await client.until(/ok[\s\S]*ok$/);
    });
  });
});

describe('the net engine behind a proxy', { timeout: 60_000 }, () => {
  const tellAddress = (exchange: Exchange) =>
    exchange.respond(200, text, `[${exchange.remoteAddress}]`);
  const proxied = async (hasProxyHeader: () => boolean, use: (port: number) => Promise<void>) => {
    const options = { host: '127.0.0.1', port: 0, handler: tellAddress, hasProxyHeader };
    const server = await netEngine.listen(options);
    try {
      await use(server.port);
    } finally {
      server.close();
    }
  };
  const binary = (command: number, family: number, ...body: number[]) =>
    Buffer.from([
      ...Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
      command,
      family,
      body.length >> 8,
      body.length & 0xff,
      ...body,
    ]);
  const ports = [0x12, 0x34, 0x00, 0x50];
  const headers: Record<string, readonly [Buffer | string, RegExp]> = {
    'version 1, IPv4': ['PROXY TCP4 192.0.2.7 10.0.0.1 4660 80\r\n', /\[192\.0\.2\.7\]$/],
    'version 1, IPv6': ['PROXY TCP6 2001:db8::7 ::1 4660 80\r\n', /\[2001:db8::7\]$/],
    'version 1, unknown': ['PROXY UNKNOWN\r\n', /\[127\.0\.0\.1\]$/],
    'version 2, IPv4': [
      binary(0x21, 0x11, 192, 0, 2, 7, 10, 0, 0, 1, ...ports, 4, 0, 1, 9),
      /\[192\.0\.2\.7\]$/,
    ],
    'version 2, IPv6': [
      binary(
        0x21,
        0x21,
        0x20,
        1,
        0xd,
        0xb8,
        ...Array(11).fill(0),
        7,
        ...Array(16).fill(0),
        ...ports,
      ),
      /\[2001:db8::7\]$/,
    ],
    'version 2, local': [binary(0x20, 0), /\[127\.0\.0\.1\]$/],
  };
  for (const [what, [header, expected]] of Object.entries(headers)) {
    it(`takes the client's address from a header of ${what}, cut anywhere`, async () => {
      const bytes = Buffer.concat([Buffer.from(header), Buffer.from(get('/'))]);
      await proxied(
        () => true,
        async (port) => {
          const whole = await rawClient(port);
          await whole.send(bytes);
          await whole.until(expected);
          const cut = await rawClient(port);
          for (const byte of bytes) await cut.send(Buffer.from([byte]));
          await cut.until(expected);
        },
      );
    });
  }

  const wrong = {
    'no header': get('/'),
    'a header of another version': 'PROXY2 TCP4 1.1.1.1 1.1.1.1 1 1\r\n',
    'an address that is none': 'PROXY TCP4 1.1.1 1.1.1.1 1 1\r\n',
    'an address of the other family': 'PROXY TCP4 ::1 ::1 1 1\r\n',
    'a port too few': 'PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n',
    'a line without end': `PROXY TCP4 ${'1'.repeat(200)}`,
    'another command': binary(0x22, 0x11, ...Array(12).fill(0)),
    'an IPv4 address that is cut short': binary(0x21, 0x11, ...Array(11).fill(0)),
    'an IPv6 address that is cut short': binary(0x21, 0x21, ...Array(35).fill(0)),
    'a version 2 that is too long': binary(0x21, 0x11, ...Array(5_000).fill(0)),
  };
  for (const [what, bytes] of Object.entries(wrong)) {
    it(`closes a connection with ${what}`, async () => {
      await proxied(
        () => true,
        async (port) => {
          const client = await rawClient(port);
          // An accepted header would have this request answered.
          await client.send(Buffer.concat([Buffer.from(bytes), Buffer.from(get('/'))]));
          assert.equal((await client.closed).received, '');
        },
      );
    });
  }

  it('reads no header from other addresses', async () => {
    await proxied(
      () => false,
      async (port) => {
        const client = await rawClient(port);
        await client.send(get('/'));
        await client.until(/\[127\.0\.0\.1\]$/);
        await client.send('PROXY TCP4 192.0.2.7 10.0.0.1 4660 80\r\n');
        assert.match((await client.closed).received, /HTTP\/1.1 400 /);
      },
    );
  });
});

describe('the net engine on a unix socket', { timeout: 60_000 }, () => {
  it('serves there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'net-'));
    const path = join(folder, 'http.sock');
    const server = await netEngine.listen({ host: `unix:${path}`, port: 0, handler: echoPath });
    try {
      const socket = connect(path).setEncoding('latin1');
      socket.end(get('/a'));
      let received = '';
      for await (const chunk of socket) received += chunk;
      assert.match(received, /^HTTP\/1.1 200 OK[\s\S]*<\/a>$/);
      const again = { host: `unix:${path}`, port: 0, handler: echoPath };
      await assert.rejects(netEngine.listen(again), new RegExp(`Cannot listen on ${path}: `));
    } finally {
      server.close();
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the net engine with TLS', { timeout: 60_000 }, () => {
  const exchangeOver = async (socket: TLSSocket): Promise<string> => {
    let received = '';
    socket.setEncoding('latin1');
    socket.write(get('/a', 'Connection: close'));
    for await (const chunk of socket) received += chunk;
    return received;
  };
  const serve = (options: Partial<ServerOptions>) =>
    netEngine.listen({ host: '127.0.0.1', port: 0, handler: echoPath, ...options });

  it('serves, and takes a new certificate for new connections', async () => {
    const server = await serve({ tls: { ...first, clientCa: null } });
    try {
      const open = (ca: string, servername: string) =>
        connectTls({ port: server.port, host: '127.0.0.1', ca, servername });
      assert.match(await exchangeOver(open(first.cert, 'first')), /^HTTP\/1.1 200[\s\S]*<\/a>$/);
      server.renewTls?.({ ...second, clientCa: null });
      assert.match(await exchangeOver(open(second.cert, 'second')), /^HTTP\/1.1 200[\s\S]*<\/a>$/);
      await assert.rejects(exchangeOver(open(first.cert, 'first')));
      assert.throws(() => server.renewTls?.({ cert: second.cert, key: first.key, clientCa: null }));
      assert.match(await exchangeOver(open(second.cert, 'second')), /^HTTP\/1.1 200/);
    } finally {
      server.close();
    }
  });

  it('accepts only clients with a certificate of the authority', async () => {
    const server = await serve({ tls: { ...first, clientCa: client.cert } });
    try {
      const open = (more: object) =>
        connectTls({
          port: server.port,
          host: '127.0.0.1',
          ca: first.cert,
          servername: 'first',
          ...more,
        });
      assert.match(await exchangeOver(open(client)), /^HTTP\/1.1 200[\s\S]*<\/a>$/);
      // With TLS 1.3 a client notices only when it reads.
      for (const wrong of [{}, second]) {
        assert.equal(await exchangeOver(open(wrong)).catch(() => ''), '');
      }
    } finally {
      server.close();
    }
  });

  it('reads the PROXY header before the handshake', async () => {
    const server = await serve({
      tls: { ...first, clientCa: null },
      hasProxyHeader: () => true,
      handler: (exchange) => exchange.respond(200, text, `[${exchange.remoteAddress}]`),
    });
    try {
      const below = connect(server.port, '127.0.0.1');
      below.write('PROXY TCP4 192.0.2.7 10.0.0.1 4660 80\r\n');
      const socket = connectTls({ socket: below, ca: first.cert, servername: 'first' });
      assert.match(await exchangeOver(socket), /\[192\.0\.2\.7\]$/);
    } finally {
      server.close();
    }
  });

  it('refuses a key that does not match the certificate at the start', async () => {
    await assert.rejects(serve({ tls: { cert: first.cert, key: second.key, clientCa: null } }));
  });
});
