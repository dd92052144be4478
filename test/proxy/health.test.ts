import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FleetFacts, type Gateway, noFleet } from '../../src/proxy/gateway.js';
import { fleetHeaders } from '../../src/proxy/health.js';

const answer = (fleet: Partial<FleetFacts>, asker: string) =>
  fleetHeaders({ facts: { tag: 'own', fleet: { ...noFleet, ...fleet } } } as Gateway, asker);
const own = ['x-llmproxy-daemon', 'own'];

test('a daemon that asks is told for how long its share is reserved', () => {
  const reserved = { a: Date.now() + 60_000, b: Date.now() - 1 };
  assert.deepEqual(answer({}, 'a'), own);
  assert.deepEqual(answer({ reserved }, ''), own, 'nobody asks');
  assert.deepEqual(answer({ reserved }, 'b'), own, 'it is not any more');
  assert.deepEqual(answer({ reserved }, 'c'), own);
  const [, , name, left] = answer({ reserved }, 'a');
  assert.equal(name, 'x-llmproxy-share');
  assert.ok(Number(left) > 50_000 && Number(left) <= 60_000, left);
});

test('a daemon that is cut off itself says so, whoever asks', () => {
  const share = ['x-llmproxy-share', 'away'];
  assert.deepEqual(answer({ isCutOff: true }, 'a'), [...own, ...share]);
  const reserved = { a: Date.now() + 60_000 };
  assert.deepEqual(answer({ isCutOff: true, reserved }, 'a'), [...own, ...share]);
  assert.deepEqual(answer({ isCutOff: true }, ''), own);
});
