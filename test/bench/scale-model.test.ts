import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leaseTimeMs } from '../../bench/figures/lease-queue.js';
import {
  defaultSetup,
  demandOf,
  firstWall,
  type Load,
  measured,
  sumsOf,
  totalsOf,
  walls,
  wallsUpTo,
} from '../../bench/figures/scale-model.js';

const load: Load = {
  machines: 10,
  perSecond: 100,
  averageShare: 0.5,
  chunks: 200,
  keys: 50,
  models: 5,
  limits: 2,
  changesPerMinute: 60,
};
const twice = { ...load, machines: 20 };

test('ten machines at half of 100 requests a second make 43.2 million rows a day', () => {
  const totals = totalsOf(load);
  assert.equal(totals.requestsPerSecond, 1_000);
  assert.equal(totals.rowsPerDay, 43_200_000);
  assert.equal(totals.rowBytesPerDay, 43_200_000 * measured.rowBytes);
  assert.equal(totals.gatewayCores, (100 * (measured.requestUs + 200 * measured.chunkUs)) / 1e6);
});

test('twice the machines make twice the rows, statements, sums, leases and connections', () => {
  const [one, two] = [demandOf(load, defaultSetup), demandOf(twice, defaultSetup)];
  for (const figure of [
    ...(['storesPerSecond', 'rowsPerSecond', 'sumsPerSecond', 'walBytesPerSecond'] as const),
    ...(['heartbeatsPerSecond', 'leasesPerSecond', 'leaseShare', 'connections'] as const),
    ...(['keptBytes', 'changeReadsPerSecond'] as const),
  ]) {
    assert.ok(one[figure] > 0, figure);
    assert.equal(two[figure] / one[figure], 2, figure);
  }
});

test('reads between daemons grow with the square of the machines', () => {
  const [one, two] = [demandOf(load, defaultSetup), demandOf(twice, defaultSetup)];
  assert.equal(two.heartbeatBytesPerSecond / one.heartbeatBytesPerSecond, 4);
  assert.equal(one.heartbeatBytesPerSecond, 100 * measured.daemonBytes);
  // One change a second, and a notification to itself of each each 10 s, each to all ten.
  assert.equal(one.wakesPerSecond, (1 + 1) * 10);
});

test('a machine stores a batch each half second, or as soon as it has a thousand rows', () => {
  const stores = (perSecond: number) =>
    demandOf({ ...load, perSecond }, defaultSetup).storesPerSecond;
  assert.equal(stores(1), 20);
  assert.equal(stores(2_000), 20);
  assert.equal(stores(4_000), 40);
});

test('a batch appends sums of each key and model in it, for hour and day', () => {
  const busy = { keys: 50, models: 5 };
  assert.equal(sumsOf(1, busy), 7);
  assert.equal(sumsOf(50, busy), 162);
  assert.equal(sumsOf(1_000, busy), 162);
  assert.equal(demandOf(load, defaultSetup).sumsPerSecond, 20 * 162);
});

test('the cost of stored rows is that of statements, rows and sums', () => {
  const { statement, row, sum } = measured.storeWalBytes;
  const { walBytesPerSecond } = demandOf(load, defaultSetup);
  const stored = 20 * statement + 1_000 * row + 3_240 * sum;
  assert.equal(walBytesPerSecond, stored + 3_240 * measured.mergeWalBytes);
});

test('limits are leased ten times a second, together, of the store that is set', () => {
  for (const leases of ['postgres', 'valkey'] as const) {
    const { call, limit } = measured.leaseUs[leases];
    const { leasesPerSecond, leaseMs, leaseShare } = demandOf(load, { ...defaultSetup, leases });
    assert.equal(leasesPerSecond, 100);
    // Each of the ten requests in 100 ms has its own key, with two limits.
    assert.equal(leaseMs, (call + 20 * limit) / 1_000);
    assert.ok(Math.abs(leaseShare - (100 * leaseMs) / 1_000) < 1e-9);
  }
  const [here, there] = (['postgres', 'valkey'] as const).map(
    (leases) => demandOf(load, { ...defaultSetup, leases }).postgresCores,
  );
  const { leaseShare } = demandOf(load, defaultSetup);
  assert.ok(Math.abs((here ?? 0) - (there ?? 0) - leaseShare) < 1e-9);
});

test('daemons connect with their own pools, or through a pooler except to listen', () => {
  assert.equal(demandOf(load, defaultSetup).connections, 10 * 13);
  assert.equal(demandOf(load, { ...defaultSetup, pooled: 50 }).connections, 10 + 50);
});

test('fleets share the machines, and each has its own database', () => {
  const whole = demandOf(load, defaultSetup);
  const half = demandOf(twice, { ...defaultSetup, fleets: 2 });
  assert.deepEqual(half, whole);
});

test('rows are kept for the days of their retention', () => {
  const { keptBytes } = demandOf(load, { ...defaultSetup, retentionDays: 7 });
  assert.equal(keptBytes, 7 * totalsOf(load).rowBytesPerDay);
});

test('one machine too many reaches a wall', () => {
  const { wall, machines, setup } = firstWall(load, defaultSetup);
  // 97 connections are for seven daemons of 13.
  assert.equal(wall, 'connections of PostgreSQL');
  assert.equal(machines, 8);
  assert.equal(setup.maxConnections, 500);
});

test('no wall stands before so many machines once all on the way are moved', () => {
  for (const machines of [1, 10, 100, 1_000]) {
    const reached = wallsUpTo({ ...load, machines }, defaultSetup);
    assert.ok(reached.walls.every((each) => each.machines <= machines));
    const demand = demandOf({ ...load, machines }, reached.setup);
    for (const { name, use } of walls) assert.ok(use(demand, reached.setup) <= 1, name);
    assert.ok(firstWall(load, reached.setup).machines > machines);
  }
  assert.deepEqual(wallsUpTo({ ...load, machines: 1 }, defaultSetup).walls, []);
});

test('every move sets its wall further back', () => {
  for (let setup = defaultSetup, i = 0; i < 12; i++) {
    const { wall, machines, setup: after } = firstWall(load, setup);
    const next = firstWall(load, after);
    assert.ok(next.machines > machines || next.wall !== wall, `${wall} at ${machines}`);
    setup = after;
  }
});

test('a lease takes its own time when few ask, and waits for nearly all others when the store is busy', () => {
  assert.ok(Math.abs(leaseTimeMs(1, 2) - 2) < 1e-6);
  const [few, many] = [leaseTimeMs(10, 2), leaseTimeMs(40, 2)];
  assert.ok(few >= 2 && many > few && many < 100);
  // 100 daemons at 2 ms want twice the available amount: each waits for nearly all others.
  const full = leaseTimeMs(100, 2);
  assert.ok(full > 150 && full <= 200, String(full));
});

test('a simulation gives the same result again', () => {
  assert.equal(leaseTimeMs(30, 1.5), leaseTimeMs(30, 1.5));
});
