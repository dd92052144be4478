import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { request } from 'undici';
import { GatewayError } from '../../src/errors.js';
import { AbortedError, type Engine, type Exchange } from '../../src/server/exchange.js';
import { engineOrReason, rawClient, signal, withServer } from './support.js';

const text = ['content-type', 'text/plain'];

/** Size of uWebSockets.js's send buffer; see `sliceBytes`. */
const corkBytes = 16 * 1024;

for (const name of ['net', 'hyper-express', 'node'] as const) {
  const engine = await engineOrReason(name);
  const skip = typeof engine === 'string' ? engine : false;
  describe(`the ${name} engine`, { skip, timeout: 60_000 }, () => {
    if (typeof engine === 'string') return;
    describe('reading a request', () => requests(engine));
    describe('the request body', () => bodies(engine));
    describe('writing a response', () => responses(engine));
    describe('a client that leaves', () => aborts(engine));
  });
}

function requests(engine: Engine): void {
  it('copies method, path, query and headers', async () => {
    const seen = signal<Exchange>();
    const answer = (exchange: Exchange) => {
      seen.resolve(exchange);
      setImmediate(() => exchange.respond(200, text, 'ok'));
    };
    await withServer(engine, answer, async (server) => {
      const client = await rawClient(server.port);
      await client.send(
        'PATCH /v1/a%20b?q=%2F&r HTTP/1.1\r\nHost: h\r\nX-Twice: 1\r\nx-twice: 2\r\n\r\n',
      );
      await client.until(/ok$/);
      const exchange = await seen.promise;
      assert.equal(exchange.method, 'PATCH');
      assert.equal(exchange.path, '/v1/a%20b');
      assert.equal(exchange.query, 'q=%2F&r');
      assert.deepEqual(exchange.headers, ['host', 'h', 'x-twice', '1', 'x-twice', '2']);
      assert.equal(exchange.header('x-twice'), '1');
      assert.equal(exchange.header('absent'), '');
    });
  });

  it('reports the address of the client', async () => {
    const answer = (exchange: Exchange) => exchange.respond(200, text, exchange.remoteAddress);
    await withServer(engine, answer, async (_server, origin) => {
      assert.equal(await (await request(origin)).body.text(), '127.0.0.1');
    });
  });

  it('keeps UTF-8 bytes of header values in both directions', async () => {
    const echo = (exchange: Exchange) =>
      exchange.respond(200, ['x-echo', exchange.header('x-in')], '');
    await withServer(engine, echo, async (server) => {
      const client = await rawClient(server.port);
      await client.send(Buffer.from('GET / HTTP/1.1\r\nHost: h\r\nX-In: a é→ b\r\n\r\n'));
      const received = await client.until(/\r\n\r\n/);
      assert.ok(Buffer.from(received, 'latin1').toString().includes('x-echo: a é→ b\r\n'));
    });
  });

  it('takes 40 KiB of headers and refuses 80 KiB with a status', async () => {
    const answer = (exchange: Exchange) =>
      exchange.respond(200, text, String(exchange.header('authorization').length));
    await withServer(engine, answer, async (server) => {
      const good = await rawClient(server.port);
      await good.send(`GET / HTTP/1.1\r\nHost: h\r\nAuthorization: ${'a'.repeat(40_000)}\r\n\r\n`);
      await good.until(/40000$/);
      const bad = await rawClient(server.port);
      await bad.send(`GET / HTTP/1.1\r\nHost: h\r\nAuthorization: ${'a'.repeat(40_000)}`);
      await bad.send('a'.repeat(40_000));
      await bad.until(/^HTTP\/1.1 431 /);
    });
  });

  const fewer = engine.name === 'hyper-express' ? 'uWebSockets.js takes 100 fields' : false;
  it('takes 128 fields and refuses more with a status', { skip: fewer }, async () => {
    const answer = (exchange: Exchange) => exchange.respond(200, text, exchange.header('x-126'));
    const fields = (last: number) =>
      Array.from({ length: last }, (_, i) => `X-${i + 1}: <${i + 1}>\r\n`).join('');
    await withServer(engine, answer, async (server) => {
      const good = await rawClient(server.port);
      await good.send(`GET / HTTP/1.1\r\nHost: h\r\n${fields(127)}\r\n`);
      await good.until(/<126>$/);
      for (const count of [128, 3_000]) {
        const bad = await rawClient(server.port);
        await bad.send(`GET / HTTP/1.1\r\nHost: h\r\n${fields(count)}\r\n`);
        await bad.until(/^HTTP\/1.1 431 /);
      }
    });
  });

  it('takes the path of a target in absolute form', async () => {
    const echo = (exchange: Exchange) =>
      exchange.respond(200, text, `<${exchange.path} ${exchange.query}>`);
    await withServer(engine, echo, async (server) => {
      const client = await rawClient(server.port);
      await client.send('GET http://other:80/a?b HTTP/1.1\r\nHost: h\r\n\r\n');
      await client.until(/<\/a b>$/);
    });
  });

  it('answers an upgrade request like any other, with its body', async () => {
    const echo = (exchange: Exchange) =>
      void exchange.readBody(100).then((body) => exchange.respond(200, text, `<${body}>`));
    await withServer(engine, echo, async (server) => {
      const client = await rawClient(server.port);
      const upgrade = 'Host: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n';
      await client.send(`POST / HTTP/1.1\r\n${upgrade}Content-Length: 5\r\n\r\nhello`);
      await client.until(/<hello>$/);
      await client.send(`GET / HTTP/1.1\r\n${upgrade}\r\n`);
      await client.until(/<>$/);
    });
  });

  it('answers two pipelined requests in order', async () => {
    const echo = (exchange: Exchange) => exchange.respond(200, text, `<${exchange.path}>`);
    await withServer(engine, echo, async (server) => {
      const client = await rawClient(server.port);
      await client.send('GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n');
      assert.match(await client.until(/<\/2>/), /<\/1>[\s\S]*<\/2>$/);
      assert.equal(server.active, 0);
    });
  });

  const ambiguous = {
    'content-length twice with differing values': 'Content-Length: 3\r\nContent-Length: 4\r\n',
    'content-length beside transfer-encoding':
      'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n',
    'transfer-encoding beside content-length':
      'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n',
    'a content-length that is not a number': 'Content-Length: 3x\r\n',
    'a transfer-encoding that is not chunked': 'Transfer-Encoding: chunked, identity\r\n',
    'a transfer-encoding before chunked': 'Transfer-Encoding: gzip, chunked\r\n',
  };
  for (const [what, headers] of Object.entries(ambiguous)) {
    it(`refuses ${what} and closes`, async () => {
      let calls = 0;
      const count = () => {
        calls++;
      };
      await withServer(engine, count, async (server) => {
        const client = await rawClient(server.port);
        await client.send(`POST / HTTP/1.1\r\nHost: h\r\n${headers}\r\n`);
        assert.match((await client.closed).received, /^HTTP\/1.1 400 /);
        assert.equal(calls, 0);
        assert.equal(server.active, 0);
      });
    });
  }

  const refused = { 'GET / HTTP/2.0': 505, 'CONNECT h:443 HTTP/1.1': 400 };
  for (const [line, status] of Object.entries(refused)) {
    it(`answers ${line} with ${status}`, { skip: engine.name === 'hyper-express' }, async () => {
      await withServer(
        engine,
        () => assert.fail('it was served'),
        async (server) => {
          const client = await rawClient(server.port);
          await client.send(`${line}\r\nHost: h\r\n\r\n`);
          assert.match((await client.closed).received, new RegExp(`^HTTP/1.1 ${status} `));
        },
      );
    });
  }

  it('does not serve a request smuggled behind an ambiguous one', async () => {
    const paths: string[] = [];
    const note = (exchange: Exchange) => {
      paths.push(exchange.path);
      exchange.respond(200, text, '');
    };
    await withServer(engine, note, async (server) => {
      const client = await rawClient(server.port);
      await client.send(
        'POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx' +
          'GET /b HTTP/1.1\r\nHost: h\r\n\r\n',
      );
      await client.closed;
      assert.deepEqual(paths, []);
    });
  });
}

function bodies(engine: Engine): void {
  it('arrives complete however the client splits it, declared or chunked', async () => {
    const echo = (exchange: Exchange) => {
      void exchange.readBody(1 << 30).then((body) => exchange.respond(200, text, body));
    };
    await withServer(engine, echo, async (server) => {
      const property = fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 3000 }),
        fc.array(fc.nat(3500), { maxLength: 6 }),
        fc.boolean(),
        async (bytes, cuts, chunked) => {
          const body = Buffer.from(bytes);
          const half = body.length >> 1;
          const parts = [body.subarray(0, half), body.subarray(half)].filter((part) => part.length);
          const message = chunked
            ? Buffer.concat([
                Buffer.from('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n'),
                ...parts.flatMap((part) => [
                  Buffer.from(`${part.length.toString(16)}\r\n`),
                  part,
                  Buffer.from('\r\n'),
                ]),
                Buffer.from('0\r\n\r\n'),
              ])
            : Buffer.concat([
                Buffer.from(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n`),
                body,
              ]);
          const client = await rawClient(server.port);
          let from = 0;
          for (const cut of [...cuts.sort((a, b) => a - b), message.length]) {
            if (cut > from) await client.send(message.subarray(from, cut));
            from = Math.max(from, Math.min(cut, message.length));
          }
          const received = await client.until(new RegExp(`\r\n\r\n[^]{${body.length}}$`));
          assert.equal(received.slice(-body.length), body.toString('latin1'));
          client.socket.destroy();
        },
      );
      await fc.assert(property, { numRuns: 25 });
    });
  });

  it('arrives complete where it is larger than the memory reserved at once', async () => {
    const echo = (exchange: Exchange) => {
      void exchange.readBody(1 << 30).then((body) => exchange.respond(200, text, sha256(body)));
    };
    await withServer(engine, echo, async (_server, origin) => {
      const body = randomBytes(3_000_000);
      const declared = await request(origin, { method: 'POST', body });
      assert.equal(await declared.body.text(), sha256(body));
      const pieces = [body.subarray(0, 1_700_000), body.subarray(1_700_000)];
      const chunked = await request(origin, { method: 'POST', body: Readable.from(pieces) });
      assert.equal(await chunked.body.text(), sha256(body));
    });
  });

  it('ends at once where there is none', async () => {
    const answer = (exchange: Exchange) => {
      void exchange.readBody(1 << 30).then((body) => exchange.respond(200, text, `${body.length}`));
    };
    await withServer(engine, answer, async (_server, origin) => {
      assert.equal(await (await request(origin)).body.text(), '0');
      const empty = await request(origin, { method: 'POST', body: '' });
      assert.equal(await empty.body.text(), '0');
    });
  });

  it('waits for a late reader, paused in the meantime', async () => {
    const arrived = signal<Exchange>();
    await withServer(engine, arrived.resolve, async (_server, origin) => {
      const sent = randomBytes(4_000_000);
      const response = request(origin, { method: 'POST', body: sent });
      const exchange = await arrived.promise;
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      const body = await exchange.readBody(1 << 30);
      exchange.respond(200, text, 'read');
      assert.equal(await (await response).body.text(), 'read');
      assert.ok(body.equals(sent));
    });
  });

  it('gives the reader private copies', async () => {
    const kept: Buffer[] = [];
    const answer = async (exchange: Exchange) => {
      await exchange.readBody(1 << 24, (chunk) => kept.push(chunk));
      exchange.respond(200, text, '');
    };
    await withServer(engine, answer, async (_server, origin) => {
      const first = randomBytes(300_000);
      await (await request(origin, { method: 'POST', body: first })).body.dump();
      await (await request(origin, { method: 'POST', body: randomBytes(300_000) })).body.dump();
      assert.ok(Buffer.concat(kept).subarray(0, first.length).equals(first));
    });
  });

  /** Answers with the status of readBody's error, and the number of bytes passed on. */
  const capped = (maxBytes: number) => (exchange: Exchange) => {
    let bytes = 0;
    exchange
      .readBody(maxBytes, (chunk) => {
        bytes += chunk.length;
      })
      .then(
        () => exchange.respond(200, text, `${bytes} fit`),
        (error: unknown) => {
          assert.ok(error instanceof GatewayError);
          exchange.respond(error.status, text, `${bytes} ${error.code}`);
        },
      );
  };

  it('is accepted at exactly the cap', async () => {
    await withServer(engine, capped(1000), async (_server, origin) => {
      const response = await request(origin, { method: 'POST', body: 'x'.repeat(1000) });
      assert.equal(await response.body.text(), '1000 fit');
    });
  });

  it('that is declared larger than the cap is rejected before a byte is read', async () => {
    await withServer(engine, capped(1000), async (server) => {
      const client = await rawClient(server.port);
      await client.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n');
      const received = await client.until(/request_too_large$/);
      assert.match(received, /^HTTP\/1.1 413 /);
      assert.match(received, /\r\nconnection: close\r\n/i);
      assert.match(received, /\r\n\r\n0 request/);
      client.socket.destroy();
    });
  });

  it('that is chunked is rejected as soon as it passes the cap', async () => {
    await withServer(engine, capped(1000), async (server) => {
      const client = await rawClient(server.port);
      await client.send('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n');
      await client.send(`1f4\r\n${'x'.repeat(500)}\r\n`);
      await client.send(`258\r\n${'x'.repeat(600)}\r\n`);
      const received = await client.until(/ request_too_large$/);
      assert.match(received, /^HTTP\/1.1 413 /);
      client.socket.destroy();
    });
  });

  for (const connection of ['keep-alive', 'close']) {
    it(`lets a client that keeps sending (connection: ${connection}) read its 413`, async () => {
      await withServer(engine, capped(1000), async (server) => {
        const client = await rawClient(server.port);
        const size = 8_000_000;
        await client.send(
          `POST / HTTP/1.1\r\nHost: h\r\nConnection: ${connection}\r\n` +
            `Content-Length: ${size}\r\n\r\n`,
        );
        client.socket.pause();
        await client.send(Buffer.alloc(size));
        client.socket.resume();
        assert.match(await client.until(/ request_too_large/), /^HTTP\/1.1 413 /);
        client.socket.destroy();
      });
    });
  }

  it('keeps the connection when it answers before a small body was read', async () => {
    const refuse = (exchange: Exchange) => exchange.respond(401, text, `no ${exchange.path};`);
    await withServer(engine, refuse, async (server) => {
      const client = await rawClient(server.port);
      await client.send('POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello');
      assert.doesNotMatch(await client.until(/no \/1;/), /connection: close/i);
      await client.send('POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello');
      await client.until(/no \/2;/);
    });
  });

  it('is requested when the client expects 100-continue', async () => {
    await withServer(engine, capped(1000), async (server) => {
      const client = await rawClient(server.port);
      await client.send(
        'POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
      );
      await client.until(/^HTTP\/1.1 100 Continue\r\n\r\n/);
      await client.send('hello');
      await client.until(/HTTP\/1.1 200 OK[\s\S]*5 fit$/);
    });
  });
}

function responses(engine: Engine): void {
  it('sends a complete response with its length', async () => {
    const answer = (exchange: Exchange) =>
      exchange.respond(exchange.path === '/404' ? 404 : 200, ['x-a', 'b'], 'né');
    await withServer(engine, answer, async (server, origin) => {
      const response = await request(origin);
      assert.equal(response.statusCode, 200);
      assert.equal(response.headers['content-length'], '3');
      assert.equal(response.headers['x-a'], 'b');
      assert.equal(await response.body.text(), 'né');
      const client = await rawClient(server.port);
      await client.send('GET /404 HTTP/1.1\r\nHost: h\r\n\r\n');
      await client.until(/^HTTP\/1.1 404 Not Found\r\n/);
      client.socket.destroy();
    });
  });

  it('sends a large body to a late reader', async () => {
    const body = randomBytes(20_000_000);
    const answer = (exchange: Exchange) => exchange.respond(200, text, body);
    await withServer(engine, answer, async (_server, origin) => {
      const response = await request(origin);
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      assert.equal(sha256(Buffer.from(await response.body.arrayBuffer())), sha256(body));
    });
  });

  it('sends no body for HEAD, 204 and 304, and keeps the connection usable', async () => {
    const answer = (exchange: Exchange) => {
      if (exchange.path === '/stream') {
        exchange.writeHead(200, text);
        exchange.write(Buffer.from('hidden'));
        exchange.end();
      } else exchange.respond(Number(exchange.path.slice(1)), text, 'hidden');
    };
    await withServer(engine, answer, async (server) => {
      const client = await rawClient(server.port);
      await client.send('HEAD /200 HTTP/1.1\r\nHost: h\r\n\r\n');
      await client.until(/200 OK[\s\S]*\r\n\r\n$/);
      await client.send('HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n');
      await client.until(/200 OK[\s\S]*200 OK[\s\S]*\r\n\r\n$/);
      await client.send('GET /204 HTTP/1.1\r\nHost: h\r\n\r\n');
      await client.until(/204 No Content[\s\S]*\r\n\r\n$/);
      await client.send('GET /304 HTTP/1.1\r\nHost: h\r\n\r\n');
      assert.doesNotMatch(await client.until(/304 Not Modified[\s\S]*\r\n\r\n$/), /hidden/);
      await client.send('GET /200 HTTP/1.1\r\nHost: h\r\n\r\n');
      await client.until(/hidden$/);
    });
  });

  it('streams chunks as they are written', async () => {
    const started = signal<Exchange>();
    await withServer(engine, started.resolve, async (server) => {
      const client = await rawClient(server.port);
      await client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      const exchange = await started.promise;
      exchange.writeHead(200, text);
      assert.equal(exchange.headSent, true);
      exchange.write(Buffer.from('one'));
      assert.match(await client.until(/3\r\none/), /transfer-encoding: chunked/i);
      exchange.write(Buffer.alloc(0));
      exchange.write(Buffer.from('two'));
      await client.until(/3\r\ntwo/);
      exchange.end();
      await client.until(/0\r\n\r\n$/);
      assert.equal(server.active, 0);
    });
  });

  const flushless = engine.name === 'hyper-express' ? 'uWebSockets.js sends no bare head' : false;
  it('sends the head before the first chunk', { skip: flushless }, async () => {
    const started = signal<Exchange>();
    await withServer(engine, started.resolve, async (server) => {
      const client = await rawClient(server.port);
      await client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      const exchange = await started.promise;
      exchange.writeHead(200, text);
      await client.until(/\r\n\r\n$/);
      exchange.end();
      await client.until(/0\r\n\r\n$/);
    });
  });

  it('ends a stream without chunks', async () => {
    const answer = (exchange: Exchange) => {
      exchange.writeHead(200, text);
      exchange.end();
    };
    await withServer(engine, answer, async (_server, origin) => {
      const response = await request(origin);
      assert.equal(response.headers['content-type'], 'text/plain');
      assert.equal(await response.body.text(), '');
    });
  });

  it('never lets a header value split the response', async () => {
    const values = ['a\r\nset-cookie: b', 'a\nset-cookie: b', 'a\u010aset-cookie: b', 'a\0b'];
    const answer = (exchange: Exchange) =>
      exchange.respond(200, ['x-a', values[Number(exchange.path.slice(1))] ?? ''], 'end');
    await withServer(engine, answer, async (_server, origin) => {
      for (const i of values.keys()) {
        const response = await request(`${origin}/${i}`);
        assert.equal(response.headers['set-cookie'], undefined);
        assert.equal(await response.body.text(), 'end');
      }
    });
  });

  for (const chunkBytes of [1000, 100_000, 3_000_000]) {
    it(`holds back for a slow reader, chunks of ${chunkBytes} bytes`, async () => {
      const totalBytes = 48_000_000;
      const chunk = randomBytes(chunkBytes);
      const hash = createHash('sha256');
      let maxBuffered = 0;
      let stalls = 0;
      const done = signal();
      const answer = (exchange: Exchange) => {
        let left = totalBytes;
        const pump = () => {
          while (left > 0) {
            left -= chunkBytes;
            hash.update(chunk);
            const taken = exchange.write(chunk);
            maxBuffered = Math.max(maxBuffered, exchange.bufferedBytes);
            if (!taken) {
              stalls++;
              return;
            }
          }
          exchange.onWritable(() => {});
          exchange.end();
          done.resolve();
        };
        exchange.writeHead(200, text);
        exchange.onWritable(pump);
        pump();
      };
      await withServer(engine, answer, async (_server, origin) => {
        const { body } = await request(origin);
        const received = createHash('sha256');
        let bytes = 0;
        for await (const part of body) {
          received.update(part);
          bytes += part.length;
          await new Promise(setImmediate);
        }
        await done.promise;
        assert.equal(bytes, Math.ceil(totalBytes / chunkBytes) * chunkBytes);
        assert.equal(received.digest('hex'), hash.digest('hex'));
        assert.ok(stalls > 0, 'the reader was not slow');
        assert.ok(maxBuffered <= chunkBytes + 256 * 1024, `${maxBuffered} bytes were buffered`);
      });
    });
  }

  it('passes no piece of a stream to its server that this could lose', async () => {
    const stream = (exchange: Exchange) => {
      exchange.writeHead(200, [...text, 'x-long', 'h'.repeat(4000)]);
      for (let i = 0; i < 3; i++) exchange.write(Buffer.alloc(100_000, 'x'));
      exchange.end();
    };
    await withServer(engine, stream, async (server) => {
      const client = await rawClient(server.port);
      await client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
      const received = await client.until(/\r\n0\r\n\r\n$/);
      const sizes = Array.from(received.matchAll(/\r\n([0-9a-f]+)\r\nx/gi), ([, size]) =>
        Number.parseInt(size ?? '', 16),
      );
      assert.equal(
        sizes.reduce((sum, size) => sum + size, 0),
        300_000,
      );
      if (engine.name !== 'hyper-express') return;
      const head = received.indexOf('\r\n\r\n');
      assert.ok(head + (sizes[0] ?? 0) < corkBytes, 'the head and the first piece fit');
      assert.ok(Math.max(...sizes) < corkBytes, 'each piece fits');
    });
  });

  it('cuts a stream short visibly on destroy', async () => {
    const answer = (exchange: Exchange) => {
      exchange.writeHead(200, text);
      exchange.write(Buffer.from('part'));
      setImmediate(() => exchange.destroy());
    };
    await withServer(engine, answer, async (server, origin) => {
      const { body } = await request(origin);
      await assert.rejects(body.text());
      assert.equal(server.active, 0);
    });
  });
}

function aborts(engine: Engine): void {
  const uses = (exchange: Exchange) => {
    exchange.respond(200, text, 'x');
    exchange.writeHead(200, text);
    assert.equal(exchange.write(Buffer.from('x')), true);
    exchange.end();
    assert.equal(exchange.bufferedBytes, 0);
    exchange.onWritable(() => {});
    exchange.destroy();
  };

  it('while it uploads makes readBody reject', async () => {
    const failed = signal<unknown>();
    const answer = (exchange: Exchange) => {
      exchange.readBody(1000, () => {}).catch(failed.resolve);
    };
    await withServer(engine, answer, async (server) => {
      const client = await rawClient(server.port);
      await client.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello');
      client.socket.destroy();
      assert.ok((await failed.promise) instanceof AbortedError);
      assert.equal(server.active, 0);
    });
  });

  it('before the response is noticed, once, and everything after it is a no-op', async () => {
    const started = signal<Exchange>();
    const left = signal();
    let calls = 0;
    const note = (exchange: Exchange) => {
      exchange.onAbort(() => {
        calls++;
        left.resolve();
      });
      started.resolve(exchange);
    };
    await withServer(engine, note, async (server) => {
      const client = await rawClient(server.port);
      await client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      const exchange = await started.promise;
      client.socket.destroy();
      await left.promise;
      assert.equal(exchange.aborted, true);
      assert.equal(server.active, 0);
      uses(exchange);
      assert.equal(calls, 1);
      let late = 0;
      exchange.onAbort(() => {
        late++;
      });
      await assert.doesNotReject(exchange.readBody(10, () => {}));
      assert.ok(late <= 1);
    });
  });

  it('during a stream is noticed', async () => {
    const left = signal<Exchange>();
    const answer = (exchange: Exchange) => {
      exchange.onAbort(() => left.resolve(exchange));
      exchange.writeHead(200, text);
      exchange.write(Buffer.from('first'));
    };
    await withServer(engine, answer, async (server) => {
      const client = await rawClient(server.port);
      await client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      await client.until(/first/);
      client.socket.destroy();
      uses(await left.promise);
      assert.equal(server.active, 0);
    });
  });

  it('while it is stalled is noticed', async () => {
    const left = signal<Exchange>();
    const stalled = signal();
    const answer = (exchange: Exchange) => {
      exchange.onAbort(() => left.resolve(exchange));
      exchange.writeHead(200, text);
      while (exchange.write(Buffer.alloc(100_000)));
      stalled.resolve();
    };
    await withServer(engine, answer, async (server) => {
      const client = await rawClient(server.port);
      client.socket.pause();
      await client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      await stalled.promise;
      client.socket.destroy();
      uses(await left.promise);
    });
  });

  it('is reported neither for destroy nor after the response has ended', async () => {
    let calls = 0;
    const answer = (exchange: Exchange) => {
      exchange.onAbort(() => {
        calls++;
      });
      if (exchange.path === '/destroy') exchange.destroy();
      else exchange.respond(200, text, 'ok');
      assert.equal(exchange.aborted, exchange.path === '/destroy');
    };
    await withServer(engine, answer, async (server) => {
      const client = await rawClient(server.port);
      await client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      await client.until(/ok$/);
      await client.send('GET /destroy HTTP/1.1\r\nHost: h\r\n\r\n');
      await client.closed;
      assert.equal(calls, 0);
      assert.equal(server.active, 0);
    });
  });

  it('is reported to exchanges when the server closes', async () => {
    const started = signal();
    const left = signal();
    const answer = (exchange: Exchange) => {
      exchange.onAbort(left.resolve);
      started.resolve();
    };
    await withServer(engine, answer, async (server) => {
      const client = await rawClient(server.port);
      await client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      await started.promise;
      server.close();
      await left.promise;
      await client.closed;
      assert.equal(server.active, 0);
    });
  });

  it('half way through the body, by closing its side, aborts the request', async () => {
    const left = signal();
    const note = (exchange: Exchange) => exchange.onAbort(left.resolve);
    await withServer(engine, note, async (server) => {
      const client = await rawClient(server.port);
      client.socket.end('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel');
      await left.promise;
      await client.closed;
      assert.equal(server.active, 0);
    });
  });

  it('half way through the head leaves nothing behind', async () => {
    await withServer(
      engine,
      () => assert.fail('no request was sent'),
      async (server) => {
        const client = await rawClient(server.port);
        await client.send('GET / HTTP/1.1\r\nHost:');
        client.socket.end();
        await once(client.socket, 'close');
        assert.equal(server.active, 0);
      },
    );
  });
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
