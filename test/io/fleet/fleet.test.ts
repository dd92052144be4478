import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from '../../support/daemon.js';
import { stopProcess, upgrade } from '../../support/successor.js';
import { until } from '../../support/until.js';
import { getFrom, startFleet } from './fleet-for-test.js';

test('a fleet is shown by every daemon and by a command without one', async (t) => {
  const { daemons, database } = await startFleet(t, [{}, {}, {}]);
  const [one, two, three] = daemons;
  assert.ok(one && two && three);
  for (const daemon of daemons) {
    const fleet = JSON.parse((await getFrom(daemon, '/admin/v1/fleet')).text);
    assert.equal(fleet.daemons.length, 3);
    for (const each of fleet.daemons) {
      assert.equal(each.state, 'serving', JSON.stringify(each));
      assert.equal(each.workers, 2);
      assert.equal(each.limit_store, 'postgres');
    }
    assert.deepEqual(
      fleet.daemons.map(({ pid }: { pid: number }) => pid).sort(),
      daemons.map(({ pid }) => pid).sort(),
    );
    const health = JSON.parse((await getFrom(daemon, '/health')).text);
    await until('the size of the fleet', async () => {
      const { fleet: now } = JSON.parse((await getFrom(daemon, '/health')).text);
      return now.daemons === 3 && now.gone === 0 && now.versions === 1;
    });
    assert.ok(health.fleet);
    const metrics = (await getFrom(daemon, '/metrics')).text;
    assert.match(metrics, /^llm_proxy_fleet_daemons 3$/m);
    assert.match(metrics, /^llm_proxy_fleet_versions 1$/m);
    assert.match(metrics, /^llm_proxy_fleet_store_up 1$/m);
  }
  const shown = await one.cli(['fleet'], { env: { COLUMNS: '80' } });
  assert.match(shown.stdout, /3 of 3 daemons live/);
  for (const line of shown.stdout.split('\n')) assert.ok(line.length <= 80, line);
  const { daemons: known } = JSON.parse((await one.cli(['fleet', '--json'])).stdout);
  for (const { id, listeners } of known) {
    for (const whole of [id, ...listeners]) assert.ok(shown.stdout.includes(whole), shown.stdout);
  }
  assert.match((await one.cli(['status', '--fleet'])).stdout, /DAEMON .*\n(.*serving.*\n){3}/);
  const status = JSON.parse((await one.cli(['status', '--fleet', '--json'])).stdout);
  assert.equal(status.fleet.daemons.length, 3);
  assert.match((await one.cli(['doctor'])).stdout, /fleet +3 daemons on this database/);

  // One of another version, and one that lags.
  await database.sql`
    INSERT INTO daemons (id, host, version, pid, place, state, heartbeat, config_version)
    VALUES ('old-1', 'old', '0.0.9', 1, 'elsewhere', 'serving', now() + interval '1 hour', 0)`;
  await until('two versions', async () =>
    /^llm_proxy_fleet_versions 2$/m.test((await getFrom(one, '/metrics')).text),
  );
  assert.match((await one.cli(['fleet'])).stdout, /versions differ: 0\.0\.9, /);
  assert.match((await one.cli(['doctor'])).stdout, /different versions: 0\.0\.9, /);
  const lag = /^llm_proxy_fleet_config_lag (\d+)$/m.exec((await getFrom(one, '/metrics')).text);
  assert.ok(Number(lag?.[1]) > 0);
  await database.sql`DELETE FROM daemons WHERE id = 'old-1'`;

  assert.equal(await three.stop(), 0);
  await until('its goodbye', async () => {
    const { daemons: left } = JSON.parse((await getFrom(one, '/admin/v1/fleet')).text);
    return left.length === 2;
  });
  for (const pid of [two.pid, ...two.workerPids()]) process.kill(pid, 'SIGKILL');
  await one.waitFor('daemon_gone');
  await until('its end', async () => /gone/.test((await one.cli(['fleet'])).stdout));
  assert.match((await getFrom(one, '/metrics')).text, /^llm_proxy_fleet_daemons_gone 1$/m);
  await one.stop();
  const without = await one.cli(['fleet', '--json']);
  assert.equal(without.code, 0, without.stderr);
  assert.equal(JSON.parse(without.stdout).daemons.length, 1);
});

test('a daemon alone keeps its limits itself, and an in-place upgrade makes no fleet', async (t) => {
  const daemon = await startDaemon(t, { workers: 2 });
  const { sql } = daemon;
  const [row] = await sql`SELECT * FROM daemons`;
  assert.equal(row?.shares_limits, false);
  assert.equal(row?.pid, daemon.pid);
  const successor = await upgrade(daemon);
  await until('the successor', async () => {
    const rows = await sql`SELECT pid, shares_limits FROM daemons`;
    return rows.length === 1 && rows[0]?.pid === successor && rows[0]?.shares_limits === false;
  });
  assert.equal((await sql`SELECT FROM limit_members`).length, 0);
  await stopProcess(successor);
});
