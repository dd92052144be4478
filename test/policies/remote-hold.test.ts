import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckedTexts } from '../../src/policies/guardrails/remote.js';
import { remoteHold } from '../../src/policies/guardrails/remote-hold.js';
import { WatchedStream, WatchedWhole } from '../../src/policies/guardrails/watched-answer.js';
import { streamIn } from './guarded.js';

const dialect = 'openai.chat';

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
  const hold = new WatchedStream(remoteHold(dialect, true, 1_000, check));
  const events = streamIn(dialect, ['x'.repeat(400_000)]);
  assert.equal(hold.push(events), events);
  assert.equal(hold.push(events), events);
  const third = hold.push(events);
  assert.ok(third instanceof Promise, 'its check is too far behind');
  release();
  assert.equal(await third, events);
  assert.equal(hold.push(events), events);
  assert.equal(hold.flush().length, 0);
  await hold.finish();
  assert.equal(hold.bytes, 0);
  const all = checked.map(({ texts: [text] }) => text?.text.length ?? 0);
  assert.ok(all.reduce((sum, length) => sum + length, 0) >= 1_600_000, all.join());
});

test('a watched stream that is left asks no more, and one that cannot be read still ends', async () => {
  let checks = 0;
  const check = async () => {
    checks++;
    return null;
  };
  const left = new WatchedStream(remoteHold(dialect, true, 1_000, check));
  left.push(streamIn(dialect, ['x'.repeat(5_000)]));
  left.leave();
  await left.finish();
  assert.equal(checks, 0);
  const unread = new WatchedStream(remoteHold(dialect, true, 1_000, check));
  await unread.push(Buffer.alloc(40_000_000, 'x'));
  await unread.finish();
  assert.equal(unread.bytes, 0);
});

test('a watched answer is checked as one, whatever its pieces, and forgotten if it is too long', () => {
  const checked: string[] = [];
  const watched = () =>
    new WatchedWhole(
      (texts) => void checked.push(...texts.map(({ text }) => text)),
      () => checked.push('unread'),
    );
  const whole = watched();
  for (const piece of ['{"content":"so', 'me text"}']) {
    assert.equal(whole.push(Buffer.from(piece)).toString(), piece);
  }
  whole.finish();
  const binary = watched();
  binary.push(Buffer.from([0, 255]));
  binary.finish();
  watched().finish();
  assert.deepEqual(checked, ['some text', 'unread']);
  const long = watched();
  const piece = Buffer.alloc(16_777_216, 'x');
  for (let count = 0; count < 5; count++) long.push(piece);
  assert.equal(long.bytes, 5 * piece.length, 'more than is taken into memory for it');
  long.finish();
  assert.equal(checked.length, 2);
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
