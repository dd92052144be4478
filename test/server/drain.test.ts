import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { request } from 'undici';
import type { Engine, Exchange } from '../../src/server/exchange.js';
import { engineOrReason, rawClient, signal, withServer } from './support.js';

const text = ['content-type', 'text/plain'];

for (const name of ['net', 'hyper-express', 'node'] as const) {
  const engine = await engineOrReason(name);
  const skip = typeof engine === 'string' ? engine : false;
  describe(`draining the ${name} engine`, { skip, timeout: 30_000 }, () => {
    if (typeof engine === 'string') return;

    it('lets a request in flight finish, closes its connection and refuses new ones', async () => {
      const started = signal<Exchange>();
      await withServer(engine, started.resolve, async (server) => {
        const client = await rawClient(server.port);
        await client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
        const exchange = await started.promise;
        const drained = server.drain();
        assert.equal(server.drain(), drained);
        await refused(server.port);
        assert.equal(server.active, 1);
        exchange.respond(200, text, 'finished');
        const { received, error } = await client.closed;
        assert.match(received, /connection: close\r\n[\s\S]*finished$/i);
        assert.equal(error, null);
        await drained;
        assert.equal(server.active, 0);
      });
    });

    it('lets a stream in flight finish', async () => {
      const started = signal<Exchange>();
      await withServer(engine, started.resolve, async (server, origin) => {
        const response = request(origin);
        const exchange = await started.promise;
        exchange.writeHead(200, text);
        exchange.write(Buffer.from('one '));
        const drained = server.drain();
        await refused(server.port);
        exchange.write(Buffer.from('two'));
        exchange.end();
        assert.equal(await (await response).body.text(), 'one two');
        await drained;
      });
    });

    it('serves a request on an idle connection, then closes it', async () => {
      const answer = (exchange: Exchange) => exchange.respond(200, text, `<${exchange.path}>`);
      await withServer(engine, answer, async (server) => {
        const client = await rawClient(server.port);
        await client.send('GET /1 HTTP/1.1\r\nHost: h\r\n\r\n');
        await client.until(/<\/1>/);
        const drained = server.drain();
        await refused(server.port);
        await client.send('GET /2 HTTP/1.1\r\nHost: h\r\n\r\n');
        const { received, error } = await client.closed;
        assert.match(received, /connection: close\r\n[\s\S]*<\/2>$/i);
        assert.equal(error, null);
        await drained;
      });
    });

    it('closes connections that stay idle', async () => {
      const answer = (exchange: Exchange) => exchange.respond(200, text, 'ok');
      await withServer(engine, answer, async (server) => {
        const client = await rawClient(server.port);
        await client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
        await client.until(/ok$/);
        await server.drain();
        assert.equal((await client.closed).error, null);
      });
    });

    it('ends at once when nothing is connected', async () => {
      await withServer(
        engine,
        () => assert.fail('no request was sent'),
        async (server) => {
          await server.drain();
          await refused(server.port);
        },
      );
    });
  });
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const nodeShares = major > 22 || (major === 22 && minor >= 12);

for (const name of ['net', 'hyper-express', 'node'] as const) {
  const engine = await engineOrReason(name);
  const old = name !== 'hyper-express' && !nodeShares ? 'needs Node 22.12 or newer' : false;
  const skip = typeof engine === 'string' ? engine : old;
  it(`two processes share one port with ${name}`, { skip, timeout: 30_000 }, () => sharePort(name));
}

async function sharePort(name: Engine['name']): Promise<void> {
  const first = await startProcess(name, 0);
  const second = await startProcess(name, first.port).catch((error: unknown) => {
    first.child.kill('SIGKILL');
    throw error;
  });
  try {
    assert.equal(second.port, first.port);
    const answered = new Set<string>();
    for (let i = 0; i < 500 && answered.size < 2; i++) {
      const { body } = await request(`http://127.0.0.1:${first.port}`, { reset: true });
      answered.add(await body.text());
    }
    assert.deepEqual(answered, new Set([String(first.child.pid), String(second.child.pid)]));
    first.child.send('drain');
    await once(first.child, 'exit');
    const { body } = await request(`http://127.0.0.1:${first.port}`, { reset: true });
    assert.equal(await body.text(), String(second.child.pid));
  } finally {
    first.child.kill('SIGKILL');
    second.child.kill('SIGKILL');
  }
}

async function startProcess(
  name: string,
  port: number,
): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(new URL('./pid-server.js', import.meta.url), [name, String(port)]);
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the process exited with ${code} before it listened`);
  });
  const [message] = await Promise.race([once(child, 'message'), exited]);
  exited.catch(() => {});
  return { child, port: message as number };
}

/** Resolves once connections to this port are refused. */
async function refused(port: number): Promise<void> {
  for (;;) {
    const outcome = await rawClient(port).then(
      (client) => client.socket.destroy(),
      (error: NodeJS.ErrnoException) => error.code,
    );
    if (outcome === 'ECONNREFUSED') return;
    await new Promise(setImmediate);
  }
}
