import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  FrameError,
  type FrameLimits,
  FrameParser,
  opcodes,
  writeClose,
  writeFrame,
} from '../../src/websocket/frames.js';
import { acceptOf, isKey, newKey, protocolsIn } from '../../src/websocket/handshake.js';

const limits: FrameLimits = { maxMessageBytes: 200_000, maxTextBytes: 100_000 };
const mask = Buffer.from([1, 2, 3, 250]);

/** The texts and bytes that a parser finds in these pieces. */
function read(pieces: readonly Buffer[], isMasked: boolean) {
  const texts: string[] = [];
  const closes: (number | null)[] = [];
  const parser = new FrameParser(isMasked, limits, {
    onText: (text) => texts.push(text.toString()),
    onClose: (code) => closes.push(code),
  });
  const passed: Buffer[] = [];
  let error: FrameError | null = null;
  for (const piece of pieces) {
    try {
      passed.push(Buffer.from(parser.push(Buffer.from(piece))));
    } catch (failure) {
      assert.ok(failure instanceof FrameError, String(failure));
      error = failure;
      passed.push(failure.before);
      break;
    }
  }
  return { texts, closes, passed: Buffer.concat(passed), error, atFrameEnd: parser.atFrameEnd };
}

/** Sets bits of the first byte of a frame, or clears the one that says it is final. */
function withFirst(frame: Buffer, change: (byte: number) => number): Buffer {
  const copy = Buffer.from(frame);
  copy[0] = change(copy[0] as number);
  return copy;
}

const cutOff = (frame: Buffer) => withFirst(frame, (byte) => byte & 0x7f);

test('a text in many frames is kept as its bytes, not as an object for each frame', (t) => {
  const concat = t.mock.method(Buffer, 'concat');
  const parts = Array.from({ length: 1_000 }, (_, index) => {
    const part = writeFrame(
      index === 0 ? opcodes.text : opcodes.continuation,
      Buffer.from('a'),
      mask,
    );
    return index === 999 ? part : cutOff(part);
  });
  assert.deepEqual(read(parts, true).texts, ['a'.repeat(1_000)]);
  const longest = concat.mock.calls.map(({ arguments: [list] }) => list.length);
  // Passed on as they came, these are joined by the test itself.
  assert.deepEqual(
    longest.filter((length) => length > 3),
    [parts.length],
  );
});

test('frames pass unchanged, however they are cut, and their texts are read', () => {
  for (const isMasked of [true, false]) {
    const frame = (opcode: number, payload: string | Buffer) =>
      writeFrame(opcode, Buffer.from(payload), isMasked ? mask : null);
    const long = 'é'.repeat(40_000);
    const stream = Buffer.concat([
      frame(opcodes.text, 'a'),
      frame(opcodes.text, ''),
      frame(opcodes.text, 'b'.repeat(126)),
      cutOff(frame(opcodes.text, 'one ')),
      frame(opcodes.ping, 'x'.repeat(125)),
      cutOff(frame(opcodes.continuation, 'two ')),
      frame(opcodes.continuation, 'three'),
      frame(opcodes.binary, Buffer.from([0xff, 0xfe])),
      frame(opcodes.pong, ''),
      frame(opcodes.text, long),
      frame(opcodes.text, 'c'.repeat(100_001)),
      writeClose(4001, 'bye', isMasked ? mask : null),
    ]);
    const check = (cuts: number[]) => {
      const places = [0, ...cuts, stream.length];
      const pieces = places.slice(1).map((place, i) => stream.subarray(places[i], place));
      const found = read(pieces, isMasked);
      assert.equal(found.error, null);
      assert.ok(found.passed.equals(stream));
      assert.deepEqual(found.texts, ['a', '', 'b'.repeat(126), 'one two three', long]);
      assert.deepEqual(found.closes, [4001]);
      assert.equal(found.atFrameEnd, true);
    };
    check([]);
    const all = fc.array(fc.oneof(fc.nat(600), fc.nat(stream.length)), { maxLength: 60 });
    fc.assert(
      fc.property(all, (cuts) => check(cuts.sort((a, b) => a - b))),
      { numRuns: 60 },
    );
    check(Array.from({ length: 600 }, (_, i) => i));
  }
});

test('only the bytes before a half of a head or control frame pass', () => {
  const text = writeFrame(opcodes.text, Buffer.from('hello'));
  const ping = writeFrame(opcodes.ping, Buffer.from('x'));
  const half = read([Buffer.concat([text.subarray(0, 4)])], false);
  assert.deepEqual([half.passed.length, half.atFrameEnd], [4, false]);
  const first = read([Buffer.concat([text, ping.subarray(0, 2)])], false);
  assert.deepEqual([first.passed.length, first.atFrameEnd], [text.length, true]);
  const after = read([Buffer.concat([writeClose(1000, ''), text])], false);
  assert.equal(after.passed.length, 4);
  assert.deepEqual(read([writeFrame(opcodes.close, Buffer.alloc(0))], false).closes, [null]);
});

test('frames that violate RFC 6455 are refused and not relayed', () => {
  const ok = writeFrame(opcodes.text, Buffer.from('ok'));
  const text = writeFrame(opcodes.text, Buffer.from('a'));
  const length = (bytes: number[]) => Buffer.from([0x82, ...bytes]);
  const close = (...payload: number[]) => writeFrame(opcodes.close, Buffer.from(payload));
  const cases: [frames: Buffer, code: number, reason: RegExp][] = [
    ...[0x40, 0x20, 0x10].map((bit): [Buffer, number, RegExp] => [
      withFirst(text, (byte) => byte | bit),
      1002,
      /reserved/,
    ]),
    ...[3, 7, 11, 15].map((opcode): [Buffer, number, RegExp] => [
      writeFrame(opcode, Buffer.alloc(0)),
      1002,
      /opcode/,
    ]),
    [writeFrame(opcodes.text, Buffer.from('a'), mask), 1002, /is masked/],
    [cutOff(writeFrame(opcodes.ping, Buffer.alloc(0))), 1002, /too long or cut/],
    [writeFrame(opcodes.ping, Buffer.alloc(126)), 1002, /too long or cut/],
    [writeFrame(opcodes.continuation, Buffer.from('a')), 1002, /continues no message/],
    [Buffer.concat([cutOff(text), text]), 1002, /interrupts one/],
    [length([126, 0, 125]), 1002, /shortest/],
    [length([127, 0, 0, 0, 0, 0, 0, 0xff, 0xff]), 1002, /shortest/],
    [length([127, 0xff, 0, 0, 0, 0, 0, 0, 0]), 1009, /longer than 200000/],
    [length([127, 0, 0, 0, 0, 0, 3, 0x0d, 0x41]), 1009, /longer than 200000/],
    [writeFrame(opcodes.text, Buffer.from([0xc3, 0x28])), 1007, /UTF-8/],
    [close(3), 1002, /cut/],
    ...[999, 1004, 1005, 1006, 1015, 2999, 5000].map((code): [Buffer, number, RegExp] => [
      close(code >> 8, code & 0xff),
      1002,
      /not valid/,
    ]),
    [close(3, 232, 0xff), 1007, /reason/],
  ];
  for (const [frames, code, reason] of cases) {
    const found = read([Buffer.concat([ok, frames])], false);
    assert.ok(found.error, String(reason));
    assert.equal(found.error.code, code, String(reason));
    assert.match(found.error.message, reason);
    assert.equal(found.passed.subarray(0, ok.length).equals(ok), true);
    assert.equal(found.atFrameEnd, true, String(reason));
  }
  const unmasked = read([writeFrame(opcodes.text, Buffer.from('a'))], true);
  assert.match(unmasked.error?.message ?? '', /not masked/);
  const late = read([Buffer.from([0x81, 2, 0xc3]), Buffer.from([0x28])], false);
  assert.deepEqual([late.error?.code, late.atFrameEnd], [1007, false]);
  for (const code of [1000, 1003, 1007, 1011, 1014, 3000, 4999]) {
    assert.deepEqual(read([writeClose(code, 'é')], false).closes, [code]);
  }
});

test('a message of many frames counts as a whole', () => {
  const frame = (opcode: number) => cutOff(writeFrame(opcode, Buffer.alloc(60_000)));
  const pieces = [frame(opcodes.binary), ...Array(3).fill(frame(opcodes.continuation))];
  const found = read(pieces, false);
  assert.equal(found.error?.code, 1009);
  assert.equal(found.passed.length, 3 * frame(opcodes.binary).length);
});

test('messages are counted one by one', () => {
  const message = writeFrame(opcodes.binary, Buffer.alloc(150_000));
  const found = read([message, message], false);
  assert.equal(found.error, null);
  assert.equal(found.passed.length, 2 * message.length);
});

test('the handshake is that of RFC 6455', () => {
  assert.equal(acceptOf('dGhlIHNhbXBsZSBub25jZQ=='), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  assert.ok(isKey('dGhlIHNhbXBsZSBub25jZQ=='));
  assert.ok(isKey(newKey()));
  for (const key of [
    '',
    'abc',
    'dGhlIHNhbXBsZSBub25jZQ',
    `${newKey()}=`,
    'dGhlIHNhbXBsZSBub25jZR==',
  ])
    assert.equal(isKey(key), false, key);
  assert.deepEqual(protocolsIn('realtime, a.b ,,c'), ['realtime', 'a.b', 'c']);
});
