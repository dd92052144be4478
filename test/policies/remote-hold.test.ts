import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckedTexts } from '../../src/policies/guardrails/remote.js';
import { remoteHold } from '../../src/policies/guardrails/remote-hold.js';
import { streamIn } from './guarded.js';

const dialect = 'openai.chat';

test('a watched stream passes, up to a mebibyte ahead of its check', async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const checked: CheckedTexts[] = [];
  const hold = remoteHold(dialect, true, 1_000, false, async (texts) => {
    checked.push(texts);
    await released;
    return null;
  });
  const events = streamIn(dialect, ['x'.repeat(400_000)]);
  assert.equal(hold.push(events), events);
  assert.equal(hold.push(events), events);
  const third = hold.push(events);
  assert.ok(third instanceof Promise, 'its check is too far behind');
  release();
  assert.equal(await third, events);
  assert.equal(hold.push(events), events);
  assert.equal((await hold.flush()).length, 0);
  const all = checked.map(({ texts: [text] }) => text?.text.length ?? 0);
  assert.ok(all.reduce((sum, length) => sum + length, 0) >= 1_600_000, all.join());
});

test('windows grow, and hold back a quarter of their characters or 64', async () => {
  const windows: number[] = [];
  let passed = 0;
  const hold = remoteHold(dialect, true, 1_000, true, async ({ texts: [text] }) => {
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
  // What the window before held back, then what is new.
  assert.deepEqual(windows.slice(0, 5), [100, 64 + 200, 64 + 390, 96 + 770, 192 + 1_000]);
});
