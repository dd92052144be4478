import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FleetDaemon } from '../../../src/admin/describe-fleet.js';
import { parseDbUrl } from '../../../src/db/db-url.js';
import { ask, askChat, bearer } from '../../support/ask.js';
import { atPort } from '../../support/far-away.js';
import { testDatabase } from '../../support/postgres.js';
import { startRelay } from '../../support/relay.js';
import { until } from '../../support/until.js';
import { startUpstream } from '../../support/upstream.js';
import { getFrom, startFleet } from './fleet-for-test.js';

test('the audit log names the daemon that made a change', async (t) => {
  const { daemons, database } = await startFleet(t, [{}, {}]);
  const [one, two] = daemons;
  assert.ok(one && two);
  const headers = bearer(two.adminKey);
  const create = async (path: string, body: object) => {
    const answer = await ask(`${two.url}/admin/v1/${path}`, {
      ...{ method: 'POST', headers, body: JSON.stringify(body) },
    });
    assert.ok(answer.status < 300, answer.text);
  };
  await create('credentials', { name: 'by-api' });
  await create('config/apply', { document: 'teams: {by-document: {}}' });
  const made = await one.cli(['keys', 'create', 'by-command', '--json']);
  one.secrets.add(JSON.parse(made.stdout).key);
  await database.sql`UPDATE credentials SET rate_limit = 5 WHERE name = 'by-api'`;
  const ids = new Map(
    (await database.sql`SELECT id, pid FROM daemons`).map(({ id, pid }) => [pid, id]),
  );
  const { audit } = JSON.parse((await getFrom(one, '/admin/v1/audit')).text);
  const named = audit.map(({ object, action, daemon }: Record<string, string>) => [
    ...[object, action, daemon],
  ]);
  for (const entry of [
    ['by-api', 'create', ids.get(two.pid)],
    ['by-document', 'create', ids.get(two.pid)],
    ['by-command', 'create', ids.get(one.pid)],
    ['by-api', 'update', null],
  ]) {
    assert.ok(
      JSON.stringify(named).includes(JSON.stringify(entry)),
      JSON.stringify([entry, named]),
    );
  }
  const shown = await one.cli(['audit', '--object', 'by-api'], { env: { COLUMNS: '200' } });
  assert.match(shown.stdout, new RegExp(`DAEMON.*\\n(.*\\n)?.*${ids.get(two.pid)}`));
  assert.equal((await one.cli(['audit', 'verify'])).code, 0);
});

test('a kill switch and a revocation are confirmed by all daemons', async (t) => {
  const { daemons, database } = await startFleet(t, [{}, {}]);
  const [one, two] = daemons;
  assert.ok(one && two);
  const keys = [await one.addKey('alice'), await one.addKey('bob')] as const;
  await one.reload();
  await until('the keys', async () => (await askChat(two.url, keys[0], 'm')).status === 200);
  const stopped = await one.cli(['stop', '--key', 'alice']);
  assert.match(stopped.stdout, /active \(version \d+ on 2 of 2 daemons\)/);
  assert.equal((await askChat(two.url, keys[0], 'm')).status, 403);
  const json = await one.cli(['stop', '--key', 'alice', '--json']);
  assert.equal(JSON.parse(json.stdout).fleet.confirmed, 2);
  const revoked = await one.cli(['keys', 'revoke', 'bob']);
  assert.equal(revoked.code, 0, revoked.stderr);
  assert.match(revoked.stdout, /on 2 of 2 daemons/);
  assert.equal((await askChat(two.url, keys[1], 'm')).status, 401);

  await database.sql`
    INSERT INTO daemons (id, host, version, pid, place, state, heartbeat, config_version)
    VALUES ('slow-1', 'slow', '1', 1, 'elsewhere', 'serving', now() + interval '1 hour', 0)`;
  const partly = await one.cli(['resume', '--key', 'alice']);
  assert.equal(partly.code, 0);
  assert.match(partly.stderr, /2 of 3 daemons use it, not yet: slow-1/);
});

test('a kill switch names a daemon that is cut off from the database and serves, and holds there later', async (t) => {
  const database = await testDatabase(t);
  const [host] = parseDbUrl(database.dbUrl).hosts;
  const target = host?.host.startsWith('/')
    ? `${host.host}/.s.PGSQL.${host.port}`
    : (host?.port ?? 0);
  const relay = await startRelay(t, target);
  const far = { dbUrl: atPort(database.dbUrl, relay.port), sql: database.sql };
  const { daemons } = await startFleet(t, [{}, { database: far }], 5, database);
  const [one, cut] = daemons;
  assert.ok(one && cut);
  const key = await one.addKey('alice');
  await one.reload();
  await until('the key', async () => (await askChat(cut.url, key, 'm')).status === 200);
  // Machines that are lost and not known to be dead count for a minute only.
  await database.sql`
    INSERT INTO daemons (id, host, version, pid, place, state, heartbeat)
    VALUES ('long-lost', 'lost', '1', 1, 'elsewhere', 'serving', now() - interval '90 seconds')`;
  relay.cut();
  const [row] = await database.sql`SELECT id FROM daemons WHERE pid = ${cut.pid}`;
  await one.waitFor('daemon_cut_off');
  await until('it is shown as cut off', async () => {
    const { daemons: shown } = JSON.parse((await getFrom(one, '/admin/v1/fleet')).text);
    return shown.some(({ pid, state }: FleetDaemon) => pid === cut.pid && state === 'cut_off');
  });
  assert.match((await one.cli(['fleet'])).stdout, new RegExp(`^${row?.id} +cut off `, 'm'));
  const metrics = (await getFrom(one, '/metrics')).text;
  assert.match(metrics, /^llm_proxy_fleet_daemons_cut_off 1$/m);
  await until('the same in /health', async () => {
    const { fleet } = JSON.parse((await getFrom(one, '/health')).text);
    // The one that is long lost.
    return fleet.cut_off === 1 && fleet.gone === 1;
  });
  const stopped = await one.cli(['stop', '--key', 'alice']);
  assert.equal(stopped.code, 0);
  assert.match(stopped.stdout, /on 1 of 2 daemons/);
  assert.ok(stopped.stderr.includes(`1 of 2 daemons use it, not yet: ${row?.id}`), stopped.stderr);
  assert.equal((await askChat(cut.url, key, 'm')).status, 200);
  await database.sql`UPDATE daemons SET heartbeat = now() - interval '2 minutes' WHERE id = ${row?.id}`;
  const again = await one.cli(['stop', '--key', 'alice', '--json']);
  assert.deepEqual(JSON.parse(again.stdout).fleet.missing, [row?.id], 'it still answers');
  relay.join();
  await until('the kill switch', async () => (await askChat(cut.url, key, 'm')).status === 403);
});

test('daemons share what they learn about providers, and explain each other’s requests', async (t) => {
  let isBroken = false;
  const upstream = await startUpstream(t, (_, response) => {
    response.statusCode = isBroken ? 500 : 200;
    response.setHeader('content-type', 'application/json');
    response.end('{"id":"x","object":"chat.completion","choices":[]}');
  });
  const { daemons, database } = await startFleet(t, [{}, {}]);
  const [one, two] = daemons;
  assert.ok(one && two);
  await one.addProvider('breaks', { api_base: upstream.url, model_mapping: { b: 'b' } });
  const key = await one.addKey('alice');
  for (const daemon of daemons) await daemon.reload();

  const served = await askChat(one.url, key, 'b');
  assert.equal(served.status, 200, served.text);
  const id = String(served.headers['x-request-id']);
  const explained = JSON.parse((await getFrom(two, `/admin/v1/explain/${id}`)).text);
  assert.equal(explained.source, 'memory');
  assert.equal(explained.attempts_log.length, 1);
  const [row] = await until('the row', async () => {
    const rows = await database.sql`SELECT daemon FROM request_logs WHERE request_id = ${id}`;
    return rows.length > 0 && rows;
  });
  assert.equal(explained.daemon, row?.daemon);
  assert.match((await two.cli(['explain', id])).stdout, new RegExp(String(row?.daemon)));

  isBroken = true;
  for (let times = 0; times < 30; times++) await askChat(one.url, key, 'b');
  await two.waitFor('provider_ejected');
  await one.stop();
  const old = JSON.parse((await getFrom(two, `/admin/v1/explain/${id}`)).text);
  assert.equal(old.source, 'row');
  assert.equal(old.daemon, row?.daemon);
});

test('a budget holds over three daemons, and each may spend of it', async (t) => {
  const settings = { limits: { queue_timeout_ms: 5_000 } };
  const { daemons, database } = await startFleet(t, [{ settings }, { settings }, { settings }], 30);
  const [one] = daemons;
  assert.ok(one);
  const { sql } = database;
  // A request costs 2,000 nano-dollars, and may cost up to ten times as much.
  await sql`INSERT INTO prices (name, model, rates)
    VALUES ('m', 'm', '{"input": 1000000, "output": 200000000}')`;
  const amount = 200_000;
  await sql`INSERT INTO budgets (name, amount, "window") VALUES ('all', ${amount}, 'total')`;
  const key = await one.addKey('alice');
  for (const daemon of daemons) await daemon.reload();
  const statuses: { [status: number]: number }[] = await Promise.all(
    daemons.map(async ({ url }) => {
      const counts: { [status: number]: number } = {};
      const send = async () => {
        for (let i = 0; i < 20; i++) {
          const { status } = await askChat(url, key, 'm', { max_tokens: 10 });
          counts[status] = (counts[status] ?? 0) + 1;
        }
      };
      await Promise.all([send(), send(), send()]);
      return counts;
    }),
  );
  for (const counts of statuses) assert.ok((counts[200] ?? 0) > 0, JSON.stringify(statuses));
  const spent = await until('the ledger', async () => {
    const [total] = await sql`SELECT spent_nano, requests FROM budget_totals`;
    const served = statuses.reduce((sum, counts) => sum + (counts[200] ?? 0), 0);
    return Number(total?.requests) >= served && Number(total?.spent_nano);
  });
  assert.ok(spent <= amount, `${spent}`);
  assert.ok(spent >= 0.9 * amount, `${spent} of ${JSON.stringify(statuses)}`);
});
