import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Watchdog } from '../../src/proxy/watchdog.js';
import { until } from '../support/until.js';

// Its own clock keeps no process alive.
const alive = setInterval(() => {}, 1_000);
after(() => clearInterval(alive));

test('a watched object is called repeatedly until it is removed', async () => {
  const watchdog = new Watchdog();
  let ticks = 0;
  const watched = { onTick: () => ticks++ };
  watchdog.add(watched);
  await until('two ticks', () => ticks === 2);
  watchdog.delete(watched);
  await pause(1_300);
  assert.equal(ticks, 2);
});

test('work that is in time is passed on, as a result or as an error', async () => {
  const watchdog = new Watchdog();
  const late = () => new Error('late');
  assert.equal(await watchdog.within(Promise.resolve(7), 60_000, late), 7);
  await assert.rejects(
    watchdog.within(Promise.reject(new Error('own')), 60_000, late),
    /^Error: own$/,
  );
});

test('late work is abandoned, and its result ignored', async () => {
  const watchdog = new Watchdog();
  let fail: (error: Error) => void = () => {};
  const work = new Promise<void>((_, reject) => {
    fail = reject;
  });
  await assert.rejects(
    watchdog.within(work, 10, () => new Error('late')),
    /^Error: late$/,
  );
  fail(new Error('own'));
  await pause(0);
});

test('a loop that is blocked is noticed, and recovers', async () => {
  const watchdog = new Watchdog();
  await pause(150);
  const end = performance.now() + 1_200;
  while (performance.now() < end);
  await until('the delay', () => watchdog.loopDelayMs > 300);
  await until('its end', () => watchdog.loopDelayMs < 50);
});
