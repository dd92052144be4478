import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashKey } from '../../../src/config/secrets/credential-key.js';
import { askChat } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { emptyDatabase } from '../../support/postgres.js';
import { answerChat, startUpstream } from '../../support/upstream.js';
import { llmproxy, temporaryFolder } from '../llmproxy.js';

test('import litellm: the clients of a LiteLLM proxy are served with their key', async (t) => {
  const daemon = await startDaemon(t);
  const upstream = await startUpstream(t, answerChat);
  const secret = 'sk-secret-key-of-a-provider';
  const master = 'sk-master-of-the-proxy';
  for (const each of [secret, master]) daemon.secrets.add(each);
  const file = join(daemon.home, 'config.yaml');
  writeFileSync(
    file,
    `
model_list:
  - model_name: gpt-4o
    litellm_params: {model: openai/llama-3, api_base: "${upstream.url}", api_key: ${secret}, extra_headers: {x-team: red}}
  - {model_name: claude, litellm_params: {model: bedrock/claude-4}}
general_settings: {master_key: ${master}}
router_settings: {num_retries: 2}
`,
  );
  const dry = await daemon.cli(['import', 'litellm', file, '--dry-run']);
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /^# Imported from LiteLLM/);
  assert.match(dry.stdout, /api_key: env:GPT_4O_API_KEY\n/);
  assert.match(dry.stderr, /provider gpt-4o: its key is to be set as env:GPT_4O_API_KEY/);
  assert.match(dry.stderr, /provider gpt-4o: without its headers x-team\n/);
  const env = { GPT_4O_API_KEY: secret };
  const planned = await daemon.cli(['config', 'plan', '-'], { stdin: dry.stdout, env });
  assert.match(planned.stdout, /2 to add/, planned.stderr);
  assert.match(planned.stdout, /Not counted/, 'the daemon does not have the variable');
  const unset = await daemon.cli(['config', 'plan', '-', '--json'], { stdin: dry.stdout });
  const { effect } = JSON.parse(unset.stdout);
  assert.deepEqual([effect.unusable, effect.stranded], [['gpt-4o'], ['litellm-master']]);
  const told = await daemon.cli(['config', 'plan', '-'], { stdin: dry.stdout });
  assert.match(told.stdout, /Keys left without any model that they may use: litellm-master\n/);
  assert.match(told.stdout, /Not counted as serving: gpt-4o \(their secrets/);
  assert.match(dry.stderr, /warning: model claude is left out/);
  assert.match(dry.stderr, /routing:\n {2}max_attempts: 3\n/);

  const unasked = await daemon.cli(['import', 'litellm', file]);
  assert.equal(unasked.code, 2);
  assert.match(unasked.stderr, /add --yes/);
  const done = await daemon.cli(['import', 'litellm', file, '--yes']);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /\+ provider gpt-4o[\s\S]*\+ key litellm-master[\s\S]*\nactive/);
  assert.equal((await askChat(daemon.url, master, 'gpt-4o')).status, 200);
  assert.equal(upstream.received.at(-1)?.headers.authorization, `Bearer ${secret}`);
  assert.equal(JSON.parse(upstream.received.at(-1)?.body.toString() ?? '').model, 'llama-3');

  const again = await daemon.cli(['import', 'litellm', file, '--yes', '--json']);
  assert.deepEqual(JSON.parse(again.stdout).changes, []);
  for (const { stdout, stderr } of [dry, unasked, done, again]) {
    assert.ok(!`${stdout}${stderr}`.includes(secret) && !`${stdout}${stderr}`.includes(master));
  }
  const history = await daemon.cli(['config', 'history', '--limit', '1', '--json']);
  assert.match(history.stdout, /imported from LiteLLM/);
});

test('import litellm: a file that cannot be read is named with its place', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'config.yaml');
  writeFileSync(file, 'model_list:\n  - {api_key: sk-secret\n');
  const wrong = await llmproxy(['import', 'litellm', file, '--dry-run']);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /config\.yaml: line \d+, column \d+: /);
  assert.doesNotMatch(wrong.stderr, /sk-secret/);
  const missing = await llmproxy(['import', 'litellm', join(folder, 'none'), '--dry-run']);
  assert.match(missing.stderr, /there is no such file/);
});

test('import seed: keys of the Python service keep working, and its database is only read', async (t) => {
  const daemon = await startDaemon(t);
  const upstream = await startUpstream(t, answerChat);
  const { sql, dbUrl } = await emptyDatabase(t);
  await sql.unsafe(`
    CREATE TABLE providers (
      id serial PRIMARY KEY, provider_key varchar(100) UNIQUE NOT NULL, provider_type varchar(50),
      api_base text NOT NULL, api_key text NOT NULL, model_mapping jsonb, weight integer DEFAULT 1,
      provider_params jsonb, is_enabled boolean, created_at timestamptz, updated_at timestamptz);
    CREATE TABLE credentials (
      id serial PRIMARY KEY, credential_key varchar(64) UNIQUE NOT NULL, name varchar(100) NOT NULL,
      allowed_models jsonb, rate_limit integer, is_enabled boolean, created_at timestamptz,
      updated_at timestamptz);`);
  const secret = 'sk-secret-of-the-python-service';
  const clients = ['sk-key-of-alice', 'sk-other-key-of-alice', 'sk-key-of-bob', 'sk-key-of-carol'];
  for (const each of [secret, ...clients]) daemon.secrets.add(each);
  const [alice = '', alice2 = '', bob = '', carol = ''] = clients;
  await sql`INSERT INTO providers
    (provider_key, provider_type, api_base, api_key, model_mapping, weight, provider_params, is_enabled)
    VALUES ('main', 'openai', ${upstream.url}, ${secret}, '{"m": "sent"}', 2, '{"priority": 0, "zone": "x"}', true),
      ('palm', 'palm', 'https://palm.invalid', ${secret}, '{}', 1, null, true),
      ('bad', 'openai', 'nowhere', ${secret}, null, null, null, true)`;
  await sql`INSERT INTO credentials (credential_key, name, allowed_models, rate_limit, is_enabled)
    VALUES (${hashKey(alice)}, 'alice', '[]', null, true), (${hashKey(alice2)}, 'alice', null, 9, true),
      (${hashKey(bob)}, 'bob', '["m"]', 0, true), (${hashKey(carol)}, 'carol', '["*"]', null, null)`;
  const here = await daemon.addKey('bob');

  const done = await daemon.cli(['import', 'seed', '--db-url', dbUrl, '--yes']);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /Plan: 6 to add, 0 to change, 0 to remove/);
  assert.match(done.stderr, /provider main: without zone of provider_params/);
  assert.match(done.stderr, /provider palm is disabled: its type palm is not known here/);
  assert.match(done.stderr, /provider bad is left out: api_base /);
  const statuses = [];
  for (const key of [...clients, here]) {
    statuses.push((await askChat(daemon.url, key, 'm')).status);
  }
  assert.deepEqual(statuses, [200, 200, 429, 401, 200]);
  assert.equal(upstream.received.at(-1)?.headers.authorization, `Bearer ${secret}`);
  const listed = JSON.parse((await daemon.cli(['keys', 'list', '--json'])).stdout);
  const names = listed.map(({ name }: { name: string }) => name).sort();
  assert.deepEqual(names, ['alice', 'alice', 'bob', 'bob (imported)', 'carol']);
  assert.ok(!`${done.stdout}${done.stderr}`.includes(secret));
  const tables = await sql`SELECT FROM pg_class WHERE relname = 'config_version'`;
  assert.equal(tables.length, 0);

  const again = await daemon.cli(['import', 'seed', '--db-url', dbUrl, '--yes']);
  assert.match(again.stdout, /^no changes/, again.stderr);
  const own = await daemon.cli(['import', 'seed', '--db-url', daemon.dbUrl ?? '', '--yes']);
  assert.match(own.stderr, /is the database of the gateway itself/);
});

test('import seed: a missing or different database is an error that says so', async (t) => {
  const { dbUrl } = await emptyDatabase(t);
  const other = await llmproxy(['import', 'seed', '--db-url', dbUrl, '--dry-run']);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /it has no tables "providers" and "credentials"/);
  const away = 'postgres://user:hunter2@127.0.0.1:1/x';
  const none = await llmproxy(['import', 'seed', '--db-url', away, '--dry-run']);
  assert.match(none.stderr, /nothing listens there/);
  assert.doesNotMatch(none.stderr, /hunter2/);
});
