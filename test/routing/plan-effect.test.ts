import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planEffect } from '../../src/routing/plan-effect.js';
import { configuration, credential } from '../config/configuration-for-test.js';

test('a plan names the keys whose bodies it stores', () => {
  const unset = configuration([], [credential('a')]);
  const off = configuration([], [credential('a', { store_bodies: false })]);
  const on = configuration([], [credential('a', { store_bodies: true })]);
  const changes = (reason: string) => [{ name: 'a', effect: 'changes', reasons: [reason] }];
  assert.deepEqual(planEffect(unset, on).keys, changes('bodies are stored'));
  assert.deepEqual(planEffect(on, off).keys, changes('bodies are no longer stored'));
  assert.deepEqual(planEffect(unset, off).keys, []);
});
