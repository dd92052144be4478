import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { rawClient } from '../../server/support.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { startRawUpstream } from '../../support/upstream.js';

const streamHead =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const event = 'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n';
const end = `${chunk('data: [DONE]\n\n')}0\r\n\r\n`;
const comment = ': keepalive\n\n';

/** The body of an answer, with the chunked framing removed. */
function unchunked(received: string): string {
  let rest = received.slice(received.indexOf('\r\n\r\n') + 4);
  let text = '';
  for (;;) {
    const line = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.slice(0, line), 16);
    if (line < 0 || !(size > 0)) return text;
    text += rest.slice(line + 2, line + 2 + size);
    rest = rest.slice(line + 4 + size);
  }
}

for (const { engine, skip } of engines) {
  test(`a stream that is silent is kept alive between its events on ${engine}`, {
    skip,
  }, async (t) => {
    const daemon = await startDaemon(t, {
      engine,
      settings: { server: { keepalive_ms: 1_000 }, upstream: { idle_timeout_ms: 20_000 } },
    });
    let answer: (socket: Socket) => void = () => {};
    const url = await startRawUpstream(t, (socket) => answer(socket));
    await daemon.addProvider('p', { api_base: url });
    const key = await daemon.addKey('alice');
    await daemon.reload();
    const ask = async (body: string) => {
      const raw = await rawClient(daemon.port);
      await raw.send(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nconnection: close\r\n` +
          `authorization: Bearer ${key}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      return raw;
    };
    // Their own request for usage turns the filter off, which else holds half events back.
    const bodies = [
      '{"model":"m","stream":true}',
      '{"model":"m","stream":true,"stream_options":{"include_usage":true}}',
    ];
    const ways: [what: string, first: string, silent: string, rest: string, comments: boolean][] = [
      ['after an event', event, '', event, true],
      ['after an event whose end came alone', event.slice(0, -1), '\n', event, true],
      ['inside an event', event + event.slice(0, 30), '', event.slice(30), false],
    ];
    /** The provider's streams, which send the rest on command. */
    const providers = new Map<string, Socket>();
    const tests = bodies.flatMap((body, index) =>
      ways.map(async ([what, first, more, rest, comments]) => {
        const held = index === 0 && !comments;
        const name = `p${index}-${ways.findIndex(([way]) => way === what)}`;
        const url = await startRawUpstream(t, (socket) => {
          providers.set(name, socket);
          socket.write(streamHead + chunk(first));
          if (more) setTimeout(() => socket.write(chunk(more)), 20);
        });
        await daemon.addProvider(name, { api_base: url, model_mapping: { [name]: 'x' } });
        return {
          name,
          body: body.replace('"m"', `"${name}"`),
          what,
          first,
          more,
          rest,
          comments,
          held,
        };
      }),
    );
    const prepared = await Promise.all(tests);
    await daemon.sql`DELETE FROM providers WHERE provider_key = 'p'`;
    await daemon.reload();
    await Promise.all(
      prepared.map(async ({ name, body, what, first, more, rest, comments, held }) => {
        const raw = await ask(body);
        const expected = comments || held;
        if (expected) await raw.until(/(: keepalive.*){2}/s);
        else await pause(3_600);
        providers.get(name)?.write(chunk(rest) + end);
        const text = unchunked((await raw.closed).received);
        const count = text.split(comment).length - 1;
        assert.ok(expected ? count >= 2 : count === 0, `${what}: ${count} in ${text}`);
        assert.equal(text.replaceAll(comment, ''), `${first}${more}${rest}data: [DONE]\n\n`, what);
        const events = text.split('\n\n');
        assert.ok(
          events.every((one) => one === '' || one.startsWith('data: ') || one === ': keepalive'),
        );
      }),
    );

    await daemon.addProvider('half', { api_base: url, model_mapping: { half: 'x' } });
    await daemon.reload();
    for (const body of bodies.map((one) => one.replace('"m"', '"half"'))) {
      answer = (socket) => {
        socket.write(streamHead + chunk(event + event.slice(0, 30)), () =>
          setTimeout(() => socket.destroy(), 100),
        );
      };
      const raw = await ask(body);
      const { received } = await raw.closed;
      const events = unchunked(received).split('\n\n');
      assert.match(events.at(-2) ?? '', /^data: \{"error":\{.*"code":"upstream_failed"\}\}$/);
      assert.ok(!received.includes('[DONE]') && !received.endsWith('0\r\n\r\n'));
    }
  });
}

test('a silent stream is kept alive, and ended at its deadline', async (t) => {
  const daemon = await startDaemon(t, { settings: { server: { keepalive_ms: 1_000 } } });
  const silent = await startRawUpstream(t, (socket) =>
    socket.write(streamHead + chunk(': hi\n\n')),
  );
  const trickling = await startRawUpstream(t, (socket) => {
    socket.write(
      'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{',
    );
    const timer = setInterval(() => socket.write(' '), 100);
    socket.on('close', () => clearInterval(timer));
  });
  const provider_params = { timeouts: { total_ms: 2_000 } };
  await daemon.addProvider('trickling', {
    api_base: trickling,
    model_mapping: { t: 't' },
    provider_params,
  });
  await daemon.addProvider('silent', {
    api_base: silent,
    model_mapping: { s: 's' },
    provider_params: { timeouts: { total_ms: 13_000 } },
  });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const ask = async (body: string) => {
    const startMs = performance.now();
    const answer = await fetch(`${daemon.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body,
    });
    let text = '';
    const decoder = new TextDecoder();
    try {
      for await (const piece of answer.body ?? []) text += decoder.decode(piece);
    } catch {
      text += '(broken)';
    }
    return { status: answer.status, text, tookMs: performance.now() - startMs };
  };
  const [whole, stream] = await Promise.all([
    ask('{"model":"t"}'),
    ask('{"model":"s","stream":true}'),
  ]);
  t.diagnostic(`504 after ${Math.round(whole.tookMs)} ms`);
  assert.deepEqual([whole.status, JSON.parse(whole.text).error.code], [504, 'upstream_timeout']);
  assert.equal(stream.status, 200);
  assert.match(
    stream.text,
    /^(: keepalive\n\n)+: hi\n\n(: keepalive\n\n)+data: \{"error":.*"upstream_timeout"/,
  );
  assert.match(stream.text, /\(broken\)$/);
});
