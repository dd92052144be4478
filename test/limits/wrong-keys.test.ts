import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WrongKeys } from '../../src/limits/wrong-keys.js';

function start(fromOne: number, fromAll: number) {
  let nowMs = 7;
  const wrongKeys = new WrongKeys({ fromOne, fromAll }, () => nowMs);
  return {
    wrongKeys,
    wait(ms: number) {
      nowMs += ms;
    },
  };
}

test('a network past its limit has to wait for the end of its minute', () => {
  const { wrongKeys, wait } = start(2, 100);
  assert.equal(wrongKeys.add('192.0.2.1').waitMs, 0);
  wait(10_000);
  assert.equal(wrongKeys.add('192.0.2.1').waitMs, 0);
  assert.equal(wrongKeys.add('192.0.2.1').waitMs, 50_000);
  assert.equal(wrongKeys.add('192.0.2.2').waitMs, 0);
  wait(49_999);
  assert.equal(wrongKeys.add('192.0.2.1').waitMs, 1);
  wait(1);
  assert.equal(wrongKeys.add('192.0.2.1').waitMs, 0);
});

test('past the total limit all networks have to wait', () => {
  const { wrongKeys, wait } = start(10, 3);
  for (const last of [1, 2, 3]) assert.equal(wrongKeys.add(`192.0.2.${last}`).waitMs, 0);
  wait(1_000);
  assert.equal(wrongKeys.add('192.0.2.4').waitMs, 59_000);
  wait(59_000);
  assert.equal(wrongKeys.add('192.0.2.5').waitMs, 0);
});

test('IPv6 addresses with the same first 64 bits count as one', () => {
  const { wrongKeys } = start(2, 100);
  wrongKeys.add('2001:db8:0:1::1');
  wrongKeys.add('2001:0db8::1:0:0:0:ffff%eth0');
  assert.ok(wrongKeys.add('2001:db8:0:1:2:3:4:5').waitMs > 0);
  assert.equal(wrongKeys.add('2001:db8:0:2::1').waitMs, 0);
});

test('a forgotten network starts again', () => {
  const { wrongKeys } = start(1, 100);
  wrongKeys.add('192.0.2.1');
  wrongKeys.forget('192.0.2.1');
  assert.equal(wrongKeys.add('192.0.2.1').waitMs, 0);
});

test('ten thousand networks are remembered, and the oldest is forgotten first', () => {
  const { wrongKeys } = start(1, 1_000_000);
  wrongKeys.add('192.0.2.1');
  const others = (count: number) => {
    for (let i = 0; i < count; i++) wrongKeys.add(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  };
  others(9_999);
  assert.ok(wrongKeys.add('192.0.2.1').waitMs > 0);
  others(10_000);
  assert.equal(wrongKeys.add('192.0.2.1').waitMs, 0);
});

test('the first, tenth, hundredth of a network are samples, at most fifty a minute', () => {
  const { wrongKeys, wait } = start(1, 1_000_000);
  const samples: number[] = [];
  for (let i = 1; i <= 1_000; i++) if (wrongKeys.add('192.0.2.1').isSample) samples.push(i);
  assert.deepEqual(samples, [1, 10, 100, 1_000]);
  let others = 0;
  for (let i = 0; i < 100; i++) if (wrongKeys.add(`10.0.0.${i}`).isSample) others++;
  assert.equal(others, 46);
  wait(60_000);
  assert.ok(wrongKeys.add('10.0.0.200').isSample);
});

test('the wait of one more request is known without counting it', () => {
  let nowMs = 0;
  const wrongKeys = new WrongKeys({ fromOne: 2, fromAll: 4 }, () => nowMs);
  for (let i = 0; i < 2; i++) {
    assert.equal(wrongKeys.waitMs('192.0.2.1'), 0);
    wrongKeys.add('192.0.2.1');
  }
  nowMs = 10_000;
  assert.equal(wrongKeys.waitMs('192.0.2.1'), 50_000);
  assert.equal(wrongKeys.waitMs('192.0.2.2'), 0);
  for (let i = 2; i < 4; i++) wrongKeys.add(`192.0.2.${i}`);
  assert.equal(wrongKeys.waitMs('192.0.2.9'), 50_000, 'past the limit over all');
  nowMs = 60_000;
  for (const last of [1, 9]) assert.equal(wrongKeys.waitMs(`192.0.2.${last}`), 0);
});
