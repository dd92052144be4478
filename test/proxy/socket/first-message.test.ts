import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { firstMessage } from '../../../src/proxy/socket/first-message.js';
import { opcodes, writeFrame } from '../../../src/websocket/frames.js';

const mask = Buffer.from([1, 2, 3, 250]);
const frame = (opcode: number, payload: string) => writeFrame(opcode, Buffer.from(payload), mask);

test('a first message is read from any pieces, and what follows is left', async () => {
  const ping = frame(opcodes.ping, 'x');
  const next = frame(opcodes.text, 'next');
  for (const text of ['', 'é', 'a'.repeat(126), 'b'.repeat(70_000)]) {
    const bytes = Buffer.concat([ping, frame(opcodes.text, text), next]);
    for (const size of [1, 3, bytes.length]) {
      const client = new PassThrough();
      const reading = firstMessage(client, 100_000);
      for (let at = 0; at < bytes.length; at += size) client.write(bytes.subarray(at, at + size));
      assert.equal((await reading).toString(), text);
      client.end();
      const rest: Buffer[] = [];
      for await (const piece of client) rest.push(piece);
      assert.deepEqual(Buffer.concat(rest), next, `pieces of ${size} bytes`);
    }
  }
});

test('a message in many pieces is not copied once more for each of them', async (t) => {
  let copied = 0;
  const { concat } = Buffer;
  t.mock.method(Buffer, 'concat', (list: readonly Uint8Array[], length?: number) => {
    const joined = concat(list, length);
    copied += joined.length;
    return joined;
  });
  const bytes = frame(opcodes.text, 'a'.repeat(20_000));
  const client = new PassThrough();
  const reading = firstMessage(client, 100_000);
  for (const byte of bytes) client.write(Buffer.from([byte]));
  assert.equal((await reading).length, 20_000);
  assert.ok(copied < 4 * bytes.length, `${copied} bytes were copied`);
});
