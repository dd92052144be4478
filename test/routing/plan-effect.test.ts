import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planEffect } from '../../src/routing/plan-effect.js';
import { configuration, credential, provider } from '../config/configuration-for-test.js';

test('a plan names the keys whose bodies it stores', () => {
  const unset = configuration([], [credential('a')]);
  const off = configuration([], [credential('a', { store_bodies: false })]);
  const on = configuration([], [credential('a', { store_bodies: true })]);
  const changes = (reason: string) => [{ name: 'a', effect: 'changes', reasons: [reason] }];
  assert.deepEqual(planEffect(unset, on).keys, changes('bodies are stored'));
  assert.deepEqual(planEffect(on, off).keys, changes('bodies are no longer stored'));
  assert.deepEqual(planEffect(unset, off).keys, []);
});

test('a plan says for which APIs a model’s requests are translated, now and then', () => {
  const chat = configuration([provider('a', { model_mapping: { m: 'm' } })]);
  const operations = ['chat' as const, 'responses' as const];
  const both = configuration([
    provider('a', { model_mapping: { m: 'm' }, provider_params: { operations } }),
  ]);
  const [effect] = planEffect(chat, both).models;
  assert.deepEqual(effect?.before, [
    { provider: 'a', share: 1, translated: ['responses', 'messages'] },
  ]);
  assert.deepEqual(effect.after, [{ provider: 'a', share: 1, translated: ['messages'] }]);
  assert.deepEqual(planEffect(chat, chat).models, []);
});
