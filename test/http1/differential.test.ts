import assert from 'node:assert/strict';
import { test } from 'node:test';
import { difference, generate, randomFrom } from './differential.js';

test('reads what it accepts as node:http does, and accepts no more', () => {
  const seed = Math.trunc(Math.random() * 2 ** 32);
  const random = randomFrom(seed);
  for (let i = 0; i < 30_000; i++) {
    const stream = generate(random);
    const found = difference(stream, random);
    assert.equal(found, null, `seed ${seed}, stream ${i}: ${JSON.stringify(stream)}`);
  }
});
