import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { rawClient } from '../../server/support.js';
import { ask, askChat, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { startGateway } from '../../support/gateway.js';
import { until } from '../../support/until.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

const path = '/v1/chat/completions';
const headOf = (key: string, ...more: string[]) =>
  [`POST ${path} HTTP/1.1`, 'host: h', `authorization: Bearer ${key}`, ...more].join('\r\n');

for (const { engine, skip } of engines) {
  test(`hostile requests are refused without harm to others on ${engine}`, { skip }, async (t) => {
    const { daemon, key, providers } = await startGateway(
      t,
      { p: {} },
      { engine, settings: { server: { body_timeout_ms: 1_000 } } },
    );

    await t.test('a body that arrives too slowly is answered with 408', async () => {
      const raw = await rawClient(daemon.port);
      const startMs = performance.now();
      await raw.send(`${headOf(key, 'content-length: 100')}\r\n\r\n{"model":"m",`);
      const trickle = setInterval(() => void raw.send(' '), 200);
      const received = await raw.until(/request_timeout/);
      clearInterval(trickle);
      t.diagnostic(`408 after ${Math.round(performance.now() - startMs)} ms`);
      assert.match(received, /^HTTP\/1\.1 408 /);
      raw.socket.destroy();
    });

    await t.test('ambiguous framing is refused and its connection closed', async () => {
      for (const framing of [
        ['content-length: 13', 'content-length: 14'],
        ['content-length: 13', 'transfer-encoding: chunked'],
        ['transfer-encoding: chunked, identity'],
      ]) {
        const raw = await rawClient(daemon.port);
        await raw.send(`${headOf(key, ...framing)}\r\n\r\n{"model":"m"}\r\n0\r\n\r\n`);
        const { received } = await raw.closed;
        // uWebSockets.js may first see the bytes after the shorter length, which are not HTTP.
        assert.match(received, /^HTTP\/1\.1 (400|505) /, framing.join());
        assert.equal(received.match(/HTTP\/1\.1/g)?.length, 1, framing.join());
      }
      assert.equal(providers.p?.received.length, 0);
    });

    await t.test('a compressed body is refused', async () => {
      const answer = await ask(daemon.url + path, {
        method: 'POST',
        headers: { ...bearer(key), 'content-encoding': 'gzip' },
        body: gzipSync('{"model":"m"}'),
      });
      assert.equal(answer.status, 415);
      assert.equal(JSON.parse(answer.text).error.code, 'unsupported_encoding');
    });
  });

  test(`a client that reads nothing is disconnected on ${engine}`, { skip }, async (t) => {
    const daemon = await startDaemon(t, {
      engine,
      settings: { server: { stalled_reader_timeout_ms: 1_500 }, log: { requests: true } },
    });
    let cut = 0;
    const upstream = await startUpstream(t, (request, response) => {
      const { stream } = JSON.parse(String(request.body));
      if (!stream) {
        response.end(Buffer.alloc(240_000, 'x'));
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const event = `data: {"choices":[{"delta":{"content":"${'x'.repeat(8_000)}"}}]}\n\n`;
      const send = () => {
        while (response.write(event));
      };
      response.on('drain', send).on('close', () => cut++);
      send();
    });
    await daemon.addProvider('p', { api_base: upstream.url });
    const key = await daemon.addKey('alice');
    await daemon.reload();
    const [worker = 0] = daemon.workerPids();

    await t.test('in the middle of a stream, with bounded memory', async () => {
      const before = residentMiB(worker);
      const body = '{"model":"m","stream":true}';
      const sockets = Array.from({ length: 30 }, () => {
        const socket = connect(daemon.port, '127.0.0.1');
        socket.on('error', () => {});
        socket.pause();
        socket.write(`${headOf(key, `content-length: ${body.length}`)}\r\n\r\n${body}`);
        return socket;
      });
      await until('the streams', () => upstream.received.length === 30);
      await pause(700);
      const grown = residentMiB(worker) - before;
      t.diagnostic(`30 stalled streams: the worker grew by ${grown.toFixed(0)} MiB`);
      await until('their end at the provider', () => cut === 30);
      for (const socket of sockets) socket.destroy();
      const { error } = await daemon.waitFor(
        'request_finished',
        (line) => line.error === 'stalled_reader',
      );
      assert.equal(error, 'stalled_reader');
      assert.ok(grown < 150, `${grown} MiB`);
    });

    await t.test('with a whole answer too', async () => {
      const socket = connect(daemon.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.pause();
      let closed = false;
      socket.on('close', () => {
        closed = true;
      });
      const body = '{"model":"m"}';
      const request = `${headOf(key, `content-length: ${body.length}`)}\r\n\r\n${body}`;
      // The kernel buffers some megabytes; after that the gateway holds the next answer.
      const from = upstream.received.length;
      for (let sent = 1; sent <= 100; sent++) {
        socket.write(request);
        const came = await until(
          'it at the provider',
          () => upstream.received.length >= from + sent,
          2_000,
        ).catch(() => false);
        if (!came) break;
      }
      const asked = upstream.received.length - from;
      t.diagnostic(`${asked} answers were taken`);
      assert.ok(asked < 100);
      const startMs = performance.now();
      socket.resume();
      socket.pause();
      await until(
        'the end of the connection',
        () => !openTo(worker, socket.localPort ?? 0) || closed,
      );
      t.diagnostic(`let go after ${Math.round(performance.now() - startMs)} ms`);
      socket.destroy();
    });
  });
}

test('the names of JavaScript’s own members mean nothing in bodies, mappings and files', async (t) => {
  const daemon = await startDaemon(t);
  const upstream = await startUpstream(t, answerChat);
  mkdirSync(daemon.overridesDir, { recursive: true });
  await daemon.addProvider('p', {
    api_base: upstream.url,
    model_mapping: JSON.parse('{"__proto__":"sent","plain":"sent"}'),
  });
  const key = await daemon.addKey('alice');
  await daemon.reload();

  for (const model of ['constructor', 'toString', 'hasOwnProperty', 'valueOf', 'prototype']) {
    assert.equal((await askChat(daemon.url, key, model)).status, 404, model);
  }
  const body =
    '{"__proto__":{"model":"x","stream":true},"constructor":{"prototype":{"a":1}},"model":"plain",' +
    '"stream_options":{"__proto__":{"include_usage":true}},"stream":true}';
  const { status } = await ask(daemon.url + path, { method: 'POST', headers: bearer(key), body });
  assert.equal(status, 200);
  const sent = String(upstream.received.at(-1)?.body);
  assert.match(sent, /^\{"__proto__":\{"model":"x","stream":true\},"constructor":/);
  assert.match(sent, /"model":"sent"/);
  assert.equal((await askChat(daemon.url, key, '__proto__')).status, 200);

  const from = daemon.logs.length;
  const file = join(daemon.overridesDir, '10-evil.json');
  writeFileSync(
    file,
    '{"__proto__":{"providers":{}},"providers":{"p":{"__proto__":{"is_enabled":false}}}}',
  );
  const rejected = await daemon.waitFor('config_rejected', () => true, from);
  assert.match(JSON.stringify(rejected), /__proto__/);
  writeFileSync(file, '{"providers":{}}');
  await daemon.waitFor('config_active', () => true, daemon.logs.indexOf(rejected));
  assert.equal(JSON.parse((await askChat(daemon.url, key, 'plain')).text).model, 'm');
});

function residentMiB(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

/** True if this machine still has a connection whose other end has this port (Linux). */
function openTo(_pid: number, port: number): boolean {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .some((line) => {
      const [, , remote, state] = line.trim().split(/\s+/);
      return remote?.endsWith(hex) && state === '01';
    });
}
