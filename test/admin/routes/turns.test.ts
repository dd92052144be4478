import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Control } from '../../../src/admin/control.js';
import type { AdminRequest } from '../../../src/admin/route.js';
import { explainRoutes } from '../../../src/admin/routes/explain.js';
import { modelRoutes } from '../../../src/admin/routes/models.js';
import { spendRoutes } from '../../../src/admin/routes/spend.js';
import { statusRoutes } from '../../../src/admin/routes/status.js';
import type { Provider } from '../../../src/config/configuration.js';
import { loadSettings } from '../../../src/config/settings/settings.js';
import { createRecent } from '../../../src/observe/recent/recent.js';
import { configuration, provider } from '../../config/configuration-for-test.js';
import { turnsDuring } from '../../support/turns-during.js';

const routes = [...modelRoutes, ...spendRoutes, ...explainRoutes, ...statusRoutes];

/** A control plane with these providers, that counts the prices it is asked for. */
function controlOf(providers: Provider[]) {
  let priced = 0;
  const states = [{ name: 'w', pid: 1, status: null }];
  const active = { configuration: configuration(providers, []), since: new Date(), hash: 'h' };
  const control = {
    active: () => active,
    workers: () => ({ version: '1', startedAt: 0, desired: 1, states }),
    discoveredModels: () => [],
    secrets: { unusable: () => new Map() },
    settings: loadSettings({}),
    recent: createRecent(),
    prices: {
      priceOf() {
        priced++;
        return null;
      },
    },
  } as unknown as Control;
  return { control, priced: () => priced };
}

/** The turns that a route gives to others, and its answer. */
async function turnsOf(control: Control, path: string, query: Record<string, string> = {}) {
  const route = routes.find((each) => each.path === path && each.method === 'GET');
  assert.ok(route && !route.bulk);
  const request = { query: new URLSearchParams(query), role: 'viewer', params: {} };
  const answered = (async () => route.handle(request as unknown as AdminRequest, control))();
  const turns = await turnsDuring(answered);
  return { turns, body: (await answered).body as Record<string, unknown[]> };
}

/** The first turns of both run together. */
const slack = 3;

test('others have their turn while models of many providers are listed', async () => {
  const models = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`model-${n}`, 'm']));
  const named = { ...provider('named'), model_mapping: models };
  const all = Array.from({ length: 400 }, (_, n) => provider(`p${n}`));
  const { control } = controlOf([named, ...all]);
  const listed = await turnsOf(control, '/admin/v1/models', { limit: '500' });
  assert.equal(listed.body.models?.length, 40);
  const looked = 40 * (401 + 50);
  assert.ok(listed.turns >= looked / 100 - slack, `${listed.turns} turns`);
});

test('others have their turn while the models of a single provider are priced', async () => {
  const models = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`m${n}`, `s${n}`]));
  const { control, priced } = controlOf([{ ...provider('named'), model_mapping: models }]);
  const { turns, body } = await turnsOf(control, '/admin/v1/spend/models');
  assert.deepEqual([body.models?.length, priced()], [2_000, 2_000]);
  assert.ok(turns >= 2_000 / 50 - slack, `${turns} turns`);
});

test('others have their turn while a model is explained, and a state described', async () => {
  const { control } = controlOf(Array.from({ length: 2_000 }, (_, n) => provider(`p${n}`)));
  const explained = await turnsOf(control, '/admin/v1/explain', { model: 'gpt-4o' });
  assert.ok(explained.turns >= 2_000 / 100 - slack, `${explained.turns} turns`);
  const { turns, body } = await turnsOf(control, '/admin/v1/status');
  assert.equal(body.providers?.length, 2_000);
  assert.ok(turns >= 2_000 / 500 - slack, `${turns} turns`);
});

test('a mapping of many patterns is compiled once for all models that are listed', async () => {
  let reads = 0;
  const mapping = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`m${n}*`, 'x']));
  const counting = new Proxy(mapping, {
    ownKeys(target) {
      reads++;
      return Reflect.ownKeys(target);
    },
  });
  const names = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`m1-${n}`, 'm']));
  const { control } = controlOf([
    { ...provider('named'), model_mapping: names },
    { ...provider('patterns'), model_mapping: counting },
  ]);
  for (let n = 0; n < 3; n++) await turnsOf(control, '/admin/v1/models', { limit: '500' });
  assert.ok(reads <= 3, `${reads} times`);
});
