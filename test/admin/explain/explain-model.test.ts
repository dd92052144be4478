import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainModel } from '../../../src/admin/explain/explain-model.js';
import { newProvider, type Provider } from '../../../src/config/configuration.js';
import { loadSettings } from '../../../src/config/settings/settings.js';
import { modelEndpoints } from '../../../src/dialects/endpoints.js';
import { buildSnapshot } from '../../../src/routing/snapshot.js';

const provider = (provider_key: string, fields: Partial<Provider> = {}): Provider => ({
  ...newProvider,
  provider_key,
  api_base: 'https://provider.invalid/v1',
  api_key: 'k',
  ...fields,
});
const providers = [
  provider('claude', { provider_type: 'anthropic', api_base: 'https://a.invalid' }),
  provider('open', { weight: 3 }),
  provider('chat', { provider_params: { operations: ['chat'] } }),
];
const { routing } = loadSettings({});
const state = {
  ...{ state: 'available' as const, until: null, in_flight: 0, max_concurrency: null },
  latency_ms: null,
};

function explain(pattern: string | null) {
  const endpoint = modelEndpoints.find((each) => each.pattern === pattern) ?? null;
  const facts = {
    providers,
    allowedModels: null,
    endpoint,
    routing,
    stateOf: () => state,
    namesTranslated: true,
    pace: () => null,
  };
  return explainModel('m', facts);
}

test('at an endpoint, providers that speak its API come first, and unusable ones are named', async () => {
  const { routes, error } = await explain('/v1/messages');
  assert.equal(error, null);
  assert.deepEqual(
    routes.map(({ fallback, translated, candidates }) => [
      fallback,
      translated,
      candidates.map(({ provider: name, share }) => [name, share]),
    ]),
    [
      [false, false, [['claude', 1]]],
      [
        true,
        true,
        [
          ['open', 0],
          ['chat', 0],
        ],
      ],
    ],
  );
  assert.equal(routes[1]?.candidates[0]?.reason, 'only when no provider of this API is left');
  const [embeddings, ...none] = (await explain('/v1/embeddings')).routes;
  assert.deepEqual(none, []);
  assert.deepEqual(
    embeddings?.candidates.map(({ provider: name }) => name),
    ['open'],
  );
  assert.deepEqual(
    embeddings?.others.map(({ provider: name, reason }) => [name, reason]),
    [
      ['claude', 'it does not serve /v1/embeddings'],
      ['chat', 'it does not serve /v1/embeddings'],
    ],
  );
});

test('the routes are those of requests, at every endpoint', async () => {
  const configuration = { version: 1, providers, credentials: [], teams: [] };
  const snapshot = buildSnapshot(configuration, 'hash');
  for (const endpoint of modelEndpoints) {
    const asked = snapshot
      .routes('m', endpoint)
      .map(({ candidates }) => candidates.map((each) => each.provider.key).sort());
    const { routes } = await explain(endpoint.pattern);
    const explained = routes.map(({ candidates }) =>
      candidates.map((each) => each.provider).sort(),
    );
    const none = asked.length === 0 ? [[]] : asked;
    assert.deepEqual(explained, none, endpoint.pattern);
  }
  const { routes } = await explain(null);
  assert.equal(routes[0]?.candidates.length, 3);
});
