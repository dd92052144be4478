import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../src/db/client.js';
import { invisible } from '../../src/observe/visible.js';
import { startUpstream } from '../support/upstream.js';
import { withOwnDatabase } from './llmproxy.js';

const hostile = '\u001b[31m\u001b]0;t\u0007\u009b2J\u202eabc\u2066\u200b\u2028\rx\u00ad\u{e0041}';

test('no command lets untrusted text control the terminal', async (t) => {
  const { run, dbUrl } = await withOwnDatabase(t);
  await run(['keys', 'create', 'first']);
  const upstream = await startUpstream(t, (_request, response) => {
    const error = { message: `no ${hostile}`, type: hostile, code: hostile };
    response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
  });
  const sql = connect(dbUrl, { max: 1 });
  t.after(() => sql.end({ timeout: 1 }));
  await sql`
    INSERT INTO credentials (credential_key, key_preview, name, allowed_models, tags)
    VALUES (${'a'.repeat(64)}, ${hostile}, ${hostile}, ${sql.json([hostile])}, ${sql.json([hostile])})`;
  const row = {
    provider_type: hostile,
    api_base: upstream.url,
    api_key: hostile,
    model_mapping: sql.json({ asked: 'sent', [hostile]: hostile }),
  };
  await sql`INSERT INTO providers ${sql({ ...row, provider_key: 'adopted', is_enabled: false })}`;
  await sql`INSERT INTO providers ${sql({ ...row, provider_key: hostile, is_enabled: false })}`;
  const working = { ...row, provider_type: 'openai', api_key: 'sk-0123456789abcdef' };
  await sql`INSERT INTO providers ${sql({ ...working, provider_key: 'working' })}`;
  const [{ id }] = await sql<[{ id: number }]>`SELECT id FROM credentials WHERE name = ${hostile}`;

  const ref = String(id);
  const document = `credentials:\n  ${JSON.stringify(hostile)}: {rate_limit: -1}\n  ? "b\\u001b"\n  : {c: 1}\n`;
  const commands: [string[], string?][] = [
    [['keys', 'list']],
    [['keys', 'list', '--json']],
    [['keys', 'show', ref]],
    [['keys', 'update', ref, '--rate-limit', '5']],
    [['keys', 'rotate', ref]],
    [['keys', 'show', `${hostile.replaceAll('\0', '')}?`]],
    [['provider', 'list']],
    [['provider', 'list', '--json']],
    [['provider', 'show', 'adopted']],
    [['provider', 'test', 'working', '--model', 'asked']],
    [['provider', 'test', 'working', '--model', 'asked', '--json']],
    [['provider', 'test', hostile]],
    [['config', 'export']],
    [['config', 'export', '--json']],
    [['config', 'show', '--origin']],
    [['config', 'history']],
    [['config', 'validate', '-'], document],
    [['config', 'plan', '-'], document],
    [['config', 'plan', '-', '--prune'], 'credentials: {}'],
    [['config', 'plan', '-', '--prune', '--json'], 'credentials: {}'],
    [['config', 'apply', '-', '--prune', '--yes'], 'providers: {working: {}}'],
    [['audit']],
    [['audit', '--json']],
    [['usage']],
    [['explain', '--model', hostile]],
    [['doctor']],
    [['secrets', 'status']],
    [['import', 'litellm', '-', '--dry-run'], `model_list: [{model_name: "${'\\u001b'}[2J"}]`],
    [['keys', 'delete', ref, '--yes']],
    [[hostile]],
    [['keys', hostile]],
    [['keys', 'list', `--${hostile}`]],
  ];
  let seen = 0;
  for (const [args, stdin = ''] of commands) {
    const { stdout, stderr } = await run(args, { stdin });
    const told = `${stdout}${stderr}`;
    assert.ok(told.length > 0, args.join(' '));
    assert.deepEqual(told.replace(/[\n\t]/g, '').match(invisible), null, `${args}: ${told}`);
    if (told.includes('\\u202e')) seen++;
  }
  assert.ok(seen > 10, `the text was in ${seen} outputs only`);
});
