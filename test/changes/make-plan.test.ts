import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commitPlan, planText } from '../../src/changes/make-plan.js';
import { resolveSettings } from '../../src/config/settings/settings.js';
import { Secrets } from '../../src/daemon/secrets/secrets.js';
import { authored } from '../../src/db/author.js';
import { deleteProvider } from '../../src/db/queries/providers/delete-provider.js';
import { insertProvider } from '../../src/db/queries/providers/insert-provider.js';
import { listProviders } from '../../src/db/queries/providers/list-providers.js';
import { testDatabase, testDirectory } from '../support/postgres.js';

const author = { actor: 'cli:test', source: 'apply', message: null, daemon: null } as const;
const text = 'providers: {mine: {api_base: "http://127.0.0.1/v1", api_key: "env:A"}}';
const theirs = {
  provider_key: 'theirs',
  provider_type: 'openai',
  api_base: 'http://127.0.0.1/v1',
  api_key: 'env:B',
  model_mapping: {},
  weight: 1,
  provider_params: {},
  is_enabled: true,
};

test('a plan is refused as a whole after changes by others, which are named', async (t) => {
  const { sql } = await testDatabase(t);
  const none = { key: null, key_file: null };
  const { upstream } = resolveSettings({}, '/').settings;
  const secrets = await Secrets.open({ data_dir: testDirectory(), secrets: none, upstream }, true);
  const { plan } = await planText(sql, { source: 'x', text, prune: false }, secrets, null);
  assert.ok(plan);
  const other = authored(sql, {
    actor: 'admin:bob',
    source: 'admin',
    message: null,
    daemon: 'gw1-5c01f3aa',
  });
  const { id } = await insertProvider(other, theirs);
  await assert.rejects(commitPlan(sql, plan, author, secrets), {
    name: 'BaseChangedError',
    message: /has changed since version \d+: .*admin:bob.*theirs/,
  });
  const names = async () => (await listProviders(sql)).map(({ provider_key }) => provider_key);
  assert.deepEqual(await names(), ['theirs']);
  await deleteProvider(sql, id);
  await assert.rejects(commitPlan(sql, plan, author, secrets), { name: 'BaseChangedError' });
  const again = await planText(sql, { source: 'x', text, prune: false }, secrets, null);
  assert.ok(again.plan);
  await commitPlan(sql, again.plan, author, secrets);
  assert.deepEqual(await names(), ['mine']);
});
