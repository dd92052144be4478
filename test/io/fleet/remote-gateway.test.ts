import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { llmproxy } from '../../cli/llmproxy.js';
import { startDaemon } from '../../support/daemon.js';
import { openAi } from '../../support/openai.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

test('a command manages a gateway on another machine, with its admin key', async (t) => {
  const upstream = await startUpstream(t, answerChat);
  const daemon = await startDaemon(t);
  const elsewhere = { LLMPROXY_DATA_DIR: '/nonexistent', ADMIN_KEY: daemon.adminKey };
  const run = async (...args: string[]) => {
    const outcome = await llmproxy([...args, '--gateway', daemon.url], { env: elsewhere });
    assert.equal(outcome.code, 0, `${args.join(' ')}: ${outcome.stderr}`);
    return outcome.stdout;
  };
  const json = async (...args: string[]) => JSON.parse(await run(...args, '--json'));
  const added = await run(
    ...['provider', 'add', 'far', '--api-base', upstream.url, '--api-key', 'sk-far-0123456789'],
    ...['--map', 'm=m'],
  );
  assert.match(added, /added provider far\nactive \(version \d+\)/);
  const key = (await run('keys', 'create', 'alice')).trim();
  daemon.secrets.add(key);
  const chat = await openAi(daemon, key).chat.completions.create({
    model: 'm',
    messages: [{ role: 'user', content: 'hi' }],
  });
  assert.ok(chat.choices.length > 0);
  assert.deepEqual(
    (await json('keys', 'ls')).map(({ name }: { name: string }) => name),
    ['alice'],
  );
  assert.equal((await json('provider', 'get', 'far')).api_base, upstream.url);
  const exported = await json('config', 'export');
  assert.deepEqual(Object.keys(exported.providers), ['far']);
  assert.equal(typeof exported.version, 'number');
  assert.match(await run('config', 'history'), /added key alice/);
  assert.equal((await json('status')).config.version, exported.version);
  assert.equal((await json('explain', '--model', 'm')).routes.length, 1);
  await llmproxyUntilStored(() => json('usage'));
  const requests = await json('requests', '--key', 'alice');
  assert.equal(requests[0].provider, 'far');
  assert.match(await run('requests'), /far/);
  const bounds = ['--min-duration', '86400000', '--min-cost', '1', '--max-cost', '2', '--id', 'x'];
  assert.deepEqual(await json('requests', ...bounds), []);
  assert.match(await run('usage'), /alice/);
  assert.match(await run('provider', 'test', 'far'), /^MODEL +STATUS +TOOK +ERROR\nm +healthy /);
  const { models } = await json('provider', 'test', 'far', '--model', 'm', '--timeout-ms', '1500');
  assert.deepEqual([models[0].model, models[0].status], ['m', 'healthy']);
  const changes = await json('audit', '--object', 'far', '--actor', 'admin:admin', '--limit', '1');
  assert.deepEqual([changes.length, changes[0].action], [1, 'create']);
  assert.match(await run('audit', 'list'), /create +key alice/);
  assert.match(await run('keys', 'rm', 'alice', '--yes'), /deleted key alice/);
  const history = await daemon.sql`SELECT actor FROM audit_log ORDER BY id DESC LIMIT 1`;
  assert.match(history[0]?.actor, /^admin/);
  // The flag's earlier name.
  const named = ['--url', `${daemon.url}/v1/`, '--admin-key', daemon.adminKey];
  for (const args of [
    ['keys', 'list'],
    ['explain', '--model', 'm'],
  ]) {
    const byKey = await llmproxy([...args, ...named]);
    assert.equal(byKey.code, 0, byKey.stderr);
  }
  const twice = await llmproxy(['keys', 'list', '--url', daemon.url, '--gateway', daemon.url], {
    env: elsewhere,
  });
  assert.deepEqual([twice.code, twice.stdout], [2, '']);
  const byVariable = await llmproxy(['keys', 'list'], {
    env: { ...elsewhere, LLMPROXY_URL: daemon.url },
  });
  assert.equal(byVariable.code, 0, byVariable.stderr);

  // Never the gateway of this machine in place of the one that is named.
  for (const [args, env, message] of [
    [['stop', '--gateway', daemon.url], {}, /a gateway is stopped on its own machine/],
    [['stop'], { LLMPROXY_URL: daemon.url }, /a gateway is stopped on its own machine/],
    [['secrets', 'rotate'], { LLMPROXY_URL: daemon.url }, /LLMPROXY_URL names a gateway/],
    [['audit', 'verify'], { LLMPROXY_URL: daemon.url }, /LLMPROXY_URL names a gateway/],
  ] as const) {
    const refused = await daemon.cli([...args], { env });
    assert.deepEqual([refused.code, refused.stdout], [2, '']);
    assert.match(refused.stderr, message);
  }
  for (const args of [['doctor'], ['connect', 'openai']]) {
    assert.equal((await daemon.cli(args, { env: { LLMPROXY_URL: daemon.url } })).code, 0);
  }
});

/** Rows are written in batches. */
async function llmproxyUntilStored(usage: () => Promise<{ total: { requests: number } }>) {
  for (let i = 0; i < 50; i++) {
    if ((await usage()).total.requests > 0) return;
  }
  assert.fail('the row was not stored');
}

test('errors name the fault of the other gateway or its key', async (t) => {
  const daemon = await startDaemon(t);
  const other = createServer((_request, response) =>
    response.writeHead(404).end('<html>no</html>'),
  );
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.after(() => other.close());
  const otherUrl = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  const at = (url: string, adminKey?: string) =>
    llmproxy(['keys', 'list', '--gateway', url], { env: adminKey ? { ADMIN_KEY: adminKey } : {} });
  const key = daemon.adminKey;
  for (const [url, adminKey, code, message] of [
    [daemon.url, undefined, 2, /--gateway needs an admin key\nset ADMIN_KEY/],
    [daemon.url, 'wrong-admin-key', 1, /does not accept the admin key/],
    [otherUrl, key, 1, /is not llmproxy's admin API \(404\)/],
    [
      'http://127.0.0.1:1',
      key,
      1,
      /cannot reach the gateway at http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/,
    ],
    ['ftp://x', key, 2, /is not the address of a gateway/],
    ['http://u:p@x', key, 2, /must have no user/],
  ] as const) {
    const outcome = await at(url, adminKey);
    assert.match(outcome.stderr, message);
    assert.equal(outcome.code, code, outcome.stderr);
    assert.ok(!outcome.stderr.includes(key));
  }
  const origin = await llmproxy(['config', 'show', '--origin', '--gateway', daemon.url], {
    env: { ADMIN_KEY: key },
  });
  assert.equal(origin.code, 2);
  const open = await at('http://llm.invalid', key);
  assert.match(open.stderr, /is sent to http:\/\/llm\.invalid unencrypted/);
});
