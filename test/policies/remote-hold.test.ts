import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backlog, maxBacklogBytes } from '../../src/policies/guardrails/backlog.js';
import type { CheckedTexts } from '../../src/policies/guardrails/remote.js';
import { remoteHold } from '../../src/policies/guardrails/remote-hold.js';
import { WatchedStream, WatchedWhole } from '../../src/policies/guardrails/watched-answer.js';
import { streamIn } from './guarded.js';

const dialect = 'openai.chat';

/** Memory for texts, and whether all of it is free. */
function memory() {
  const backlog = new Backlog();
  const isFree = () => {
    const release = backlog.take(maxBacklogBytes);
    release?.();
    return release !== null;
  };
  return { room: (bytes: number) => backlog.take(bytes), isFree };
}

test('a watched stream passes, up to a mebibyte ahead of its check', async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const checked: CheckedTexts[] = [];
  const check = async (texts: CheckedTexts) => {
    checked.push(texts);
    await released;
    return null;
  };
  const { room, isFree } = memory();
  const hold = new WatchedStream(remoteHold(dialect, true, 1_000, check), room);
  const events = streamIn(dialect, ['x'.repeat(400_000)]);
  assert.equal(hold.push(events), events);
  assert.equal(hold.push(events), events);
  const third = hold.push(events);
  assert.ok(third instanceof Promise, 'its check is too far behind');
  assert.ok(!isFree());
  release();
  assert.equal(await third, events);
  assert.equal(hold.push(events), events);
  assert.equal(hold.flush().length, 0);
  await hold.finish();
  assert.ok(isFree());
  const all = checked.map(({ texts: [text] }) => text?.text.length ?? 0);
  assert.ok(all.reduce((sum, length) => sum + length, 0) >= 1_600_000, all.join());
});

test('the end of a watched stream, shorter than a window, is checked when it is over', async () => {
  const checked: string[] = [];
  const check = async ({ texts }: CheckedTexts) => {
    checked.push(...texts.map(({ text }) => text));
    return null;
  };
  const hold = new WatchedStream(remoteHold(dialect, true, 1_000, check), memory().room);
  hold.push(streamIn(dialect, ['a few ', 'words']));
  await new Promise(setImmediate);
  assert.deepEqual(checked, []);
  await hold.finish();
  assert.deepEqual(checked, ['a few words']);
});

test('a watched stream without room asks no more, and one that cannot be read still ends', async () => {
  let checks = 0;
  const check = async () => {
    checks++;
    return null;
  };
  const { room, isFree } = memory();
  let hasRoom = true;
  const hold = remoteHold(dialect, true, 1_000, check);
  const left = new WatchedStream(hold, (bytes) => (hasRoom ? room(bytes) : null));
  const events = streamIn(dialect, ['x'.repeat(5_000)]);
  left.push(events);
  hasRoom = false;
  assert.equal(left.push(events), events);
  hasRoom = true;
  assert.equal(left.push(events), events, 'the rest has no beginning');
  await left.finish();
  assert.equal(checks, 0);
  assert.ok(isFree());
  const unread = new WatchedStream(remoteHold(dialect, true, 1_000, check), room);
  await unread.push(Buffer.alloc(40_000_000, 'x'));
  await unread.finish();
  assert.ok(isFree());
});

test('a watched answer is checked as one, whatever its pieces, and forgotten if it is too long', () => {
  const checked: string[] = [];
  const { room, isFree } = memory();
  const watched = () =>
    new WatchedWhole(
      (texts) => void checked.push(...texts.map(({ text }) => text)),
      () => checked.push('unread'),
      room,
    );
  const whole = watched();
  for (const piece of ['{"content":"so', 'me text"}']) {
    assert.equal(whole.push(Buffer.from(piece)).toString(), piece);
  }
  assert.ok(!isFree(), 'its text takes memory before its end');
  whole.finish();
  assert.ok(isFree());
  const binary = watched();
  binary.push(Buffer.from([0, 255]));
  binary.finish();
  watched().finish();
  assert.deepEqual(checked, ['some text', 'unread']);
  const long = watched();
  const piece = Buffer.alloc(16_777_216, 'x');
  for (let count = 0; count < 5; count++) long.push(piece);
  assert.ok(isFree(), 'it is forgotten at once');
  long.finish();
  assert.equal(checked.length, 2);
});

test('the memory of a watched answer is free once it is checked, and where that fails', async () => {
  const { room, isFree } = memory();
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const later = new WatchedWhole(() => ended, assert.fail, room);
  later.push(Buffer.from('{"content":"text"}'));
  const finished = later.finish();
  assert.ok(finished && !isFree());
  end();
  await finished;
  assert.ok(isFree());
  const failing = new WatchedWhole(() => assert.fail(), assert.fail, room);
  failing.push(Buffer.from('{"content":"text"}'));
  assert.throws(() => failing.finish());
  assert.ok(isFree());
});

test('windows grow, and hold back a quarter of their characters or 64', async () => {
  const windows: number[] = [];
  let passed = 0;
  const hold = remoteHold(dialect, true, 1_000, async ({ texts: [text] }) => {
    windows.push(text?.text.length ?? 0);
    return null;
  });
  for (const event of streamIn(dialect, Array<string>(400).fill('ten chars '))
    .toString()
    .split(/(?<=\n\n)/)) {
    const bytes = await hold.push(Buffer.from(event));
    passed += bytes.toString().split('ten chars ').length - 1;
    if (windows.length === 1) assert.equal(passed, 3, '36 of the first 100 characters');
  }
  await hold.flush();
  // Each window begins with the text held back by the one before.
  assert.deepEqual(windows.slice(0, 5), [100, 64 + 200, 64 + 390, 96 + 770, 192 + 1_000]);
});
