import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventStream } from '../../../src/admin/server/event-stream.js';
import type { GatewayError } from '../../../src/errors.js';

test('64 clients follow events at once, 48 of which can change nothing', async () => {
  const { signal } = new AbortController();
  let stopped = 0;
  const open = (mayChange: boolean) => eventStream(() => () => stopped++, signal, mayChange).body;
  const refused = (mayChange: boolean) =>
    assert.throws(
      () => open(mayChange),
      ({ code, headers }: GatewayError) =>
        code === 'overloaded' && headers?.['retry-after'] === '10',
    );
  const viewers = Array.from({ length: 48 }, () => open(false));
  refused(false);
  const others = Array.from({ length: 16 }, () => open(true));
  refused(true);

  const closed = (body: ReturnType<typeof open>) =>
    new Promise((resolve) => body.once('close', resolve).destroy());
  await closed(others[0] as ReturnType<typeof open>);
  refused(false);
  others[0] = open(true);
  await closed(viewers[0] as ReturnType<typeof open>);
  viewers[0] = open(false);
  refused(true);
  await Promise.all([...viewers, ...others].map(closed));
  assert.equal(stopped, 66);
  for (const body of Array.from({ length: 48 }, () => open(false))) body.destroy();
});

test('a client that does not read is told how many events it has missed', async () => {
  const { signal } = new AbortController();
  const json = JSON.stringify({ text: 'x'.repeat(400_000) });
  const { body } = eventStream(
    (writer) => {
      for (let n = 0; n < 10; n++) writer.send('request', json, n);
      setImmediate(() => writer.send('request', '{}', 10));
      return () => {};
    },
    signal,
    true,
  );
  assert.ok(body.readableLength < 1_500_000, `${body.readableLength} bytes wait`);
  let text = '';
  for await (const piece of body) {
    text += piece;
    if (text.includes('id: 10\n')) break;
  }
  assert.match(text, /event: skipped\ndata: \{"count":7\}\n\nid: 10\n/);
});
