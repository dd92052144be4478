import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HealthChecks } from '../../../src/admin/health/health-checks.js';
import type { Provider } from '../../../src/config/configuration.js';
import { loadSettings } from '../../../src/config/settings/settings.js';
import { configuration, provider } from '../../config/configuration-for-test.js';
import { startUpstream } from '../../support/upstream.js';

test('of many providers a few are tested at once, and each has its place in the result', async (t) => {
  const begun = new Set<string>();
  let answered = 0;
  let most = 0;
  const upstream = await startUpstream(t, (_request, response) => {
    most = Math.max(most, begun.size - answered);
    answered++;
    response.setHeader('content-type', 'application/json').end('{"data":[]}');
  });
  const providers = Array.from({ length: 60 }, (_, n): Provider => {
    const provider_key = `p${n}`;
    return Object.defineProperty(
      { ...provider(provider_key), api_base: upstream.url },
      'model_mapping',
      {
        get() {
          begun.add(provider_key);
          return {};
        },
      },
    );
  });
  const checks = new HealthChecks(loadSettings({}));
  t.after(() => checks.close());
  const { providers: checked, ...sums } = await checks.all(
    configuration(providers, []),
    'hash',
    'providers',
  );
  assert.equal(sums.healthy_providers, 60);
  assert.deepEqual(
    checked.map(({ provider_key, status }) => `${provider_key} ${status}`),
    providers.map(({ provider_key }) => `${provider_key} healthy`),
  );
  assert.ok(most <= 2 * 8, `${most} of 8 at once`);
});
