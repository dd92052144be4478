import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Breakers } from '../../src/policies/guardrails/breakers.js';

/** A service with a switchable failure, and the times it was asked. */
function service() {
  const state = { now: 0, isBroken: true, asked: 0 };
  const breakers = new Breakers(() => state.now);
  const ask = async () => {
    state.asked++;
    if (state.isBroken) throw new Error('refused');
    return 'fine';
  };
  const run = (name = 'a') => breakers.run(name, ask);
  return { state, run };
}

test('after five failures in a row a service is not asked for five seconds, then by one request', async () => {
  const { state, run } = service();
  for (let times = 0; times < 5; times++) await assert.rejects(run(), /^Error: refused$/);
  await assert.rejects(run(), /not asked, since it failed 5 times in a row: refused/);
  state.now = 4_999;
  await assert.rejects(run(), /not asked/);
  assert.equal(state.asked, 5);
  state.now = 5_000;
  const trial = run();
  await assert.rejects(run(), /not asked/, 'the others wait for its outcome');
  await assert.rejects(trial, /^Error: refused$/);
  assert.equal(state.asked, 6);
  await assert.rejects(run(), /failed 6 times/);
  state.now = 10_000;
  state.isBroken = false;
  assert.equal(await run(), 'fine');
  assert.equal(await run(), 'fine');
  assert.equal(state.asked, 8);
});

test('a success restarts the count, and services are counted apart', async () => {
  const { state, run } = service();
  for (let times = 0; times < 4; times++) await assert.rejects(run());
  state.isBroken = false;
  await run();
  state.isBroken = true;
  for (let times = 0; times < 4; times++) await assert.rejects(run(), /^Error: refused$/);
  for (let times = 0; times < 5; times++) await assert.rejects(run('b'), /^Error: refused$/);
  await assert.rejects(run('b'), /not asked/);
  await assert.rejects(run(), /^Error: refused$/);
});
