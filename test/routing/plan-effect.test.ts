import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Credential } from '../../src/config/configuration.js';
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

test('a plan names the keys that change their team or limits', () => {
  const of = (fields: Parameters<typeof credential>[1]) =>
    configuration([], [credential('a', fields)]);
  const reasons = (before: object, after: object) =>
    planEffect(of(before), of(after)).keys.flatMap((key) => key.reasons);
  assert.deepEqual(reasons({}, { team: 't' }), ['team none, then t']);
  assert.deepEqual(reasons({ team: 't' }, { team: null }), ['team t, then none']);
  const models = { m: { tokens_per_day: 1 } };
  assert.deepEqual(reasons({}, { limits: { models } }), ['other limits']);
  const one = { tokens_per_day: 2, max_concurrency: 1, models };
  const same = { models, max_concurrency: 1, tokens_per_day: 2 };
  assert.deepEqual(reasons({ limits: one }, { limits: same }), []);
  const other = { ...one, models: { m: { tokens_per_day: 2 } } };
  assert.deepEqual(reasons({ limits: one }, { limits: other }), ['other limits']);
});

test('a plan says for which APIs a model’s requests are translated, now and then', () => {
  const chat = configuration([provider('a', { model_mapping: { m: 'm' } })]);
  const operations = ['chat' as const, 'responses' as const];
  const both = configuration([
    provider('a', { model_mapping: { m: 'm' }, provider_params: { operations } }),
  ]);
  const [effect] = planEffect(chat, both).models;
  assert.deepEqual(effect?.before, [
    { provider: 'a', share: 1, translated: ['responses', 'messages', 'generate'] },
  ]);
  assert.deepEqual(effect.after, [
    { provider: 'a', share: 1, translated: ['messages', 'generate'] },
  ]);
  assert.deepEqual(planEffect(chat, chat).models, []);
});

test('a provider without its secret serves nothing, and keys left without a model are named', () => {
  const main = provider('main', { model_mapping: { m: 'm', n: 'n' } });
  const keys = [
    credential('all'),
    credential('m', { allowed_models: ['m'] }),
    credential('both', { allowed_models: ['n', 'spare-*'] }),
    credential('off', { allowed_models: ['m'], is_enabled: false }),
    credential('idle', { allowed_models: ['other'] }),
  ].map((key, id) => ({ ...key, id }));
  const before = configuration([main], keys);
  const spare = provider('spare', { model_mapping: { 'spare-1': 'x' } });
  const moved = { ...main, api_key: 'env:MISSING' };
  const after = configuration([moved, spare], [
    ...keys,
    { ...keys[1], name: 'new', id: null },
  ] as Credential[]);

  const effect = planEffect(before, after, { withoutSecret: new Set([moved]) });
  assert.deepEqual(effect.unusable, ['main']);
  assert.deepEqual(effect.stranded, ['m', 'new']);
  const lost = effect.models.filter(({ unserved }) => unserved).map(({ model }) => model);
  assert.deepEqual(lost, ['m', 'n']);

  const none = planEffect(before, configuration([], keys));
  assert.deepEqual(none.stranded, ['all', 'm', 'both']);
  assert.deepEqual(planEffect(before, before, { withoutSecret: new Set([main]) }).stranded, []);
  const disabled = planEffect(before, configuration([{ ...moved, is_enabled: false }], keys));
  assert.deepEqual([disabled.unusable, disabled.stranded], [[], ['all', 'm', 'both']]);
});
