import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { askChat } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';
import { startUpstream } from '../../support/upstream.js';

const usage = { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 };

test('the operator’s prices are set, planned, overridden, imported, rolled back and audited', async (t) => {
  const upstream = await startUpstream(t, (_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ id: 'x', object: 'chat.completion', choices: [], usage }));
  });
  const daemon = await startDaemon(t);
  const run = async (...args: string[]) => {
    const ran = await daemon.cli(args);
    assert.equal(ran.code, 0, ran.stderr);
    return ran.stdout;
  };
  assert.match(await run('prices', 'check'), /no provider names its models/);
  await daemon.addProvider('main', {
    api_base: upstream.url,
    model_mapping: { own: 'own-1', 'gpt-4o': 'gpt-4o', '*': '*' },
  });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const costOf = async (model: string) =>
    (await askChat(daemon.url, key, model)).headers['x-llmproxy-cost'];

  const unpriced = await daemon.cli(['prices', 'check']);
  assert.equal(unpriced.code, 1);
  assert.match(unpriced.stdout, /main +own-1\n/);
  assert.equal(await costOf('own'), undefined);
  await run('prices', 'set', 'own', '--model', 'own-*', '--input', '2', '--output', '10');
  assert.equal(await costOf('own'), '0.003');
  assert.match(await run('prices', 'check'), /all of 2 models have a price/);
  assert.match(await run('prices', 'list'), /own +own-\* +any +always +input \$2, output \$10/);
  const narrow = await daemon.cli(['prices', 'list'], { env: { COLUMNS: '80' } });
  assert.match(narrow.stdout, /^main +gpt-4o +input .*…/m);
  for (const line of narrow.stdout.split('\n')) assert.ok(line.length <= 80, line);
  await run('prices', 'set', 'own', '--output', '20', '--above', '500:input=4');
  assert.equal(await costOf('own'), '0.006', 'a rate that is not named stays');
  assert.equal(await costOf('gpt-4o'), '0.0035', 'the bundled one');
  await run('prices', 'set', 'gpt-4o', '--free');
  assert.equal(await costOf('gpt-4o'), '0', 'free is a price');

  const refused = await daemon.cli(['prices', 'set', 'x', '--input', 'cheap']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /--input: "cheap" is not an amount in dollars/);

  const litellm = join(daemon.home, 'litellm.json');
  writeFileSync(
    litellm,
    JSON.stringify({
      sample_spec: { input_cost_per_token: 1 },
      'azure/other': {
        litellm_provider: 'azure',
        input_cost_per_token: 3.75e-8,
        output_cost_per_token: 1.5e-7,
        input_cost_per_token_batches: 1.875e-8,
        input_cost_per_token_above_200k_tokens: 7.5e-8,
        max_input_tokens: 128_000,
        max_output_tokens: 16_384,
      },
      'without-price': { litellm_provider: 'openai' },
    }),
  );
  const imported = JSON.parse(await run('prices', 'import', litellm, '--json'));
  assert.deepEqual(imported.skipped, ['without-price']);
  const [row] = await daemon.sql`SELECT * FROM prices WHERE name = 'other'`;
  assert.deepEqual(row?.rates, { input: 37_500_000, output: 150_000_000 });
  assert.deepEqual(row?.service_tiers, { batch: { input: 18_750_000 } });
  assert.deepEqual(row?.context_tiers, [{ above_tokens: 200_000, rates: { input: 75_000_000 } }]);
  assert.deepEqual([Number(row?.max_output_tokens), row?.source], [16_384, 'litellm']);
  assert.equal(await costOf('other'), '0.0000525');

  const [{ version: versionBefore } = { version: 0 }] = await daemon.sql`
    SELECT version FROM config_version`;
  const file = join(daemon.home, 'prices.yaml');
  writeFileSync(file, 'prices:\n  own: { rates: { input: 1000000000 } }\n');
  assert.match(await run('config', 'plan', file), /price own/);
  await run('config', 'apply', file, '--yes', '--message', 'cheaper');
  assert.equal(await costOf('own'), '0.004', 'an object is replaced whole, the tier stays');
  await run('config', 'rollback', String(versionBefore), '--yes');
  assert.equal(await costOf('own'), '0.006');
  const audit = JSON.parse(await run('audit', '--json'));
  const entries = Object.values(audit).find((value) => Array.isArray(value)) ?? audit;
  assert.ok(
    entries.some(
      (one: { kind: string; object: string }) => one.kind === 'price' && one.object === 'own',
    ),
  );

  mkdirSync(daemon.overridesDir, { recursive: true });
  writeFileSync(
    join(daemon.overridesDir, 'prices.yaml'),
    'prices:\n  own: { rates: { input: 5000000000 }, context_tiers: [] }\n',
  );
  await until('the override', async () => (await costOf('own')) === '0.005');
});
