import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, bearer } from '../../support/ask.js';
import { postmasterPid, spawnServe, startDaemon } from '../../support/daemon.js';
import { startGateway, startNamedUpstream, whoAnswers } from '../../support/gateway.js';
import { testDatabase } from '../../support/postgres.js';
import { isRunning, until } from '../../support/until.js';

test('two daemons on one data directory: the second reports it and leaves the first alone', async (t) => {
  const { daemon, key } = await startGateway(t, { p: {} });
  const { home, sql } = daemon;
  const second = await spawnServe(t, { home, database: { dbUrl: daemon.dbUrl ?? '', sql } });
  assert.equal((await second.exited).code, 1);
  assert.match(
    second.output(),
    /another llmproxy runs on this data directory .*: stop it with llmproxy stop, or choose/,
  );
  assert.equal(await whoAnswers(daemon, key), 'p');
  assert.equal((await daemon.cli(['keys', 'create', 'bob'])).code, 0);
});

test('two daemons on one port: the second reports it', async (t) => {
  const { daemon, key } = await startGateway(t, { p: {} });
  const second = await spawnServe(t, { port: daemon.port });
  assert.equal((await second.exited).code, 1);
  assert.match(second.output(), new RegExp(`127\\.0\\.0\\.1:${daemon.port}: the port is in use`));
  for (let i = 0; i < 10; i++) assert.equal(await whoAnswers(daemon, key), 'p');
});

test('two daemons may start at once on one empty database', async (t) => {
  const database = await testDatabase(t);
  const [a, b] = await Promise.all([startDaemon(t, { database }), startDaemon(t, { database })]);
  const upstream = await startNamedUpstream(t, 'p');
  await a.addProvider('p', { api_base: upstream.url });
  const key = await a.addKey('alice');
  b.secrets.add(key);
  for (const daemon of [a, b]) {
    await until('the key', async () => (await whoAnswers(daemon, key)) === 'p');
  }
});

test('an unreachable database is named, its password is not', async (t) => {
  const { sql } = await testDatabase(t);
  const password = 'very-secret-word';
  const dbUrl = `postgres://someone:${password}@127.0.0.1:1/somewhere`;
  const daemon = await spawnServe(t, { database: { dbUrl, sql } });
  daemon.secrets.add(password);
  assert.equal((await daemon.exited).code, 1);
  assert.match(daemon.output(), /127\.0\.0\.1:1/);
  assert.doesNotMatch(daemon.output(), /\n\s+at /, 'an error of the operator needs no stack');
});

test('an unknown setting is a usage error', async (t) => {
  const daemon = await spawnServe(t, { settings: { server: { prot: 1 } } });
  assert.equal((await daemon.exited).code, 2);
  assert.match(daemon.output(), /llmproxy\.yaml: server: unknown field \\?"prot\\?"/);
});

test('an admin key is generated once, for its owner only', async (t) => {
  const daemon = await startDaemon(t, { adminKey: 'generated' });
  const file = join(daemon.dataDir, 'admin-key');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(
    daemon.logs.some(({ event, file: named }) => event === 'admin_key_generated' && named === file),
  );
  await daemon.reload();
  const { dbUrl, sql, home } = daemon;
  assert.equal(await daemon.stop(), 0);
  const database = { dbUrl: dbUrl ?? '', sql };
  const again = await startDaemon(t, { adminKey: 'generated', home, database });
  assert.equal(again.adminKey, daemon.adminKey);
  assert.ok(again.logs.every(({ event }) => event !== 'admin_key_generated'));
});

test('commands can use the embedded database with the daemon down, up and down again', async (t) => {
  const idle = await spawnServe(t, { database: 'embedded', port: 0 });
  await idle.waitFor('database_listening');
  idle.kill('SIGTERM');
  assert.deepEqual(await idle.exited, { code: 0, signal: null });
  const { home, cli } = idle;
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await cli(args);
    assert.equal(code, 0, stderr);
    return { stdout: stdout.trim(), stderr };
  };

  const upstream = await startNamedUpstream(t, 'p');
  const added = await ok('provider', 'add', 'p', '--api-base', upstream.url, '--api-key', 'k');
  assert.match(added.stdout, /no daemon is running here/);
  const before = (await ok('keys', 'create', 'before')).stdout;

  const daemon = await startDaemon(t, { database: 'embedded', home });
  assert.equal(await whoAnswers(daemon, before), 'p');
  const during = (await ok('keys', 'create', 'during')).stdout;
  assert.equal(await whoAnswers(daemon, during), 'p');
  for (const secret of [before, during]) daemon.secrets.add(secret);
  const postmaster = postmasterPid(daemon.dataDir) ?? 0;
  assert.ok(isRunning(postmaster));
  assert.equal(await daemon.stop(), 0);
  assert.ok(!isRunning(postmaster));

  const names = JSON.parse((await ok('keys', 'list', '--json')).stdout).map(
    ({ name }: { name: string }) => name,
  );
  assert.deepEqual(names, ['before', 'during']);
  await until('the end of the server of commands', () => {
    const pid = postmasterPid(daemon.dataDir);
    return pid === null || !isRunning(pid);
  });
});

test('a daemon that cannot use its rows ends with the workers that waited for them', async (t) => {
  const database = await testDatabase(t);
  await database.sql`
    INSERT INTO providers (provider_key, api_base, api_key) VALUES ('p', 'nonsense', 'k')`;
  const daemon = await spawnServe(t, { database, port: 0, workers: 2 });
  assert.equal((await daemon.exited).code, 1);
  const events = daemon.logs.map(({ event }) => event);
  const exits = daemon.logs.filter(({ event }) => event === 'worker_exited');
  assert.deepEqual(
    exits.map(({ reason }) => reason),
    ['exit code 0', 'exit code 0'],
  );
  assert.ok(events.indexOf('worker_started') < events.indexOf('config_rejected'));
});

test('a signal while it starts leaves nothing behind', async (t) => {
  for (const event of ['daemon_starting', 'database_ready', 'worker_started', 'ready']) {
    await t.test(`at ${event}`, async () => {
      const daemon = await spawnServe(t, { database: 'embedded' });
      await daemon.waitFor(event);
      daemon.kill('SIGTERM');
      await daemon.exited;
      await until('the end of the workers', () => !daemon.workerPids().some(isRunning));
      await until('the end of Postgres', () => {
        const pid = postmasterPid(daemon.dataDir);
        return pid === null || !isRunning(pid);
      });
    });
  }
});

test('no failure reveals a secret', async (t) => {
  const { daemon, key } = await startGateway(
    t,
    { p: { api_key: 'sk-provider-secret-1' } },
    { settings: { log: { requests: true } } },
  );
  const down = await startNamedUpstream(t, 'down');
  await down.close();
  await daemon.addProvider('down', {
    api_base: down.url,
    api_key: 'sk-provider-secret-2',
    model_mapping: { down: 'down' },
    provider_params: { headers: { 'x-token': 'header-secret' } },
  });
  daemon.secrets.add('header-secret');
  const bob = await daemon.addKey('bob', { rate_limit: 0 });
  await daemon.reload();
  const answers: string[] = [];
  const say = async (path: string, who: string, body?: string) => {
    const method = body === undefined ? 'GET' : 'POST';
    const options = { method, headers: bearer(who), ...(body === undefined ? {} : { body }) };
    const { headers, text } = await ask(daemon.url + path, options);
    answers.push(JSON.stringify(headers), text);
  };
  for (const who of [key, bob, daemon.adminKey, 'sk-unknown-secret']) {
    for (const path of ['/v1/models', '/v1/models/x', '/nothing', '/admin/v1/config/version']) {
      await say(path, who);
    }
    for (const body of ['{"model":"m"}', '{"model":"down"}', '{', '{"model":7}']) {
      await say('/v1/chat/completions', who, body);
      await say('/admin/v1/config/reload', who, body);
    }
  }
  daemon.secrets.add('sk-unknown-secret');
  const from = daemon.logs.length;
  const spaced = 'sk-provider with a space';
  daemon.secrets.add(spaced);
  await daemon.sql`UPDATE providers SET api_key = ${spaced}`;
  await daemon.waitFor('config_rejected', () => true, from);
  await say('/admin/v1/config/reload', daemon.adminKey, '');
  const [worker = 0] = daemon.workerPids();
  for (const pid of [daemon.pid, worker]) {
    answers.push(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  }
  assert.equal(await daemon.stop(), 0);
  assert.ok(daemon.logs.some(({ event }) => event === 'request_finished'));
  for (const secret of daemon.secrets) {
    assert.ok(!answers.join('\n').includes(secret), `told: ${secret}`);
  }
});
