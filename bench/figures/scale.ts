/** Computes what 10, 100 and 1,000 machines need, and which walls they meet. Starts nothing. */
import { printTable, run } from '../faults/report.js';
import { leaseTimeMs } from './lease-queue.js';
import {
  defaultSetup,
  demandOf,
  firstWall,
  type Load,
  type Reached,
  type Setup,
  totalsOf,
  wallsUpTo,
} from './scale-model.js';

const sizes = [10, 100, 1_000];
const defaults = {
  'per-second': 100,
  average: 0.4,
  chunks: 200,
  keys: 50,
  models: 5,
  limits: 2,
  changes: 6,
};

await run(defaults, async (options) => {
  const { 'per-second': perSecond, average: averageShare, changes, ...rest } = options;
  const traffic = { perSecond, averageShare, changesPerMinute: changes, ...rest };
  const columns = new Map<string, Record<string, string>>();
  const walls: ReturnType<typeof wallRow>[] = [];
  let setup = defaultSetup;
  for (const machines of sizes) {
    const load = { ...traffic, machines };
    const moved = wallsUpTo(load, setup);
    setup = moved.setup;
    const next = firstWall(traffic, setup);
    walls.push(...moved.walls.map((each) => wallRow(short(machines), each)));
    if (machines === sizes.at(-1)) walls.push(wallRow('more', next));
    const nextWall = `${next.wall}, at ${short(next.machines)}`;
    columns.set(`${short(machines)} machines`, { ...needsOf(load, setup), 'next wall': nextWall });
  }
  const figures = Object.keys([...columns.values()][0] ?? {});
  printTable(
    figures.map((figure) => ({
      figure,
      ...Object.fromEntries([...columns].map(([size, each]) => [size, each[figure] ?? ''])),
    })),
  );
  process.stdout.write('\n');
  printTable(walls);
});

function wallRow(upTo: string, { wall, machines, moved }: Reached) {
  return { 'up to': upTo, wall, 'reached at': machines, 'moved by': moved };
}

/** Traffic of all machines; the rest is per database and its store of limits. */
function needsOf(load: Load, setup: Setup): Record<string, string> {
  const totals = totalsOf(load);
  const demand = demandOf(load, setup);
  const megabytes = (bytes: number) => short(bytes / 1e6);
  return {
    'requests/s at the busiest time': short(totals.requestsPerSecond),
    'busy cores of a machine': short(totals.gatewayCores),
    'usage rows a day': short(totals.rowsPerDay),
    'MB of rows a day': megabytes(totals.rowBytesPerDay),
    databases: short(setup.fleets),
    'MB of rows kept': `${megabytes(demand.keptBytes)} (${setup.retentionDays} days)`,
    'statements that store rows/s': short(demand.storesPerSecond),
    'rows/s': short(demand.rowsPerSecond),
    'sums appended/s': short(demand.sumsPerSecond),
    'WAL MB/s': megabytes(demand.walBytesPerSecond),
    'heartbeats/s': short(demand.heartbeatsPerSecond),
    'MB/s read by heartbeats': megabytes(demand.heartbeatBytesPerSecond),
    'reads of the change feed/s': short(demand.changeReadsPerSecond),
    'notifications delivered/s': short(demand.wakesPerSecond),
    'busy cores of PostgreSQL': short(demand.postgresCores),
    'connections to PostgreSQL': short(demand.connections),
    'lease calls/s': `${short(demand.leasesPerSecond)} to ${setup.leases}`,
    'a lease, p99 ms': short(leaseTimeMs(demand.heartbeatsPerSecond, demand.leaseMs)),
  };
}

/** Two or three digits that count, as people read them. */
function short(value: number): string {
  const digits = value < 10 ? 2 : 3;
  const rounded = Number(value.toPrecision(digits));
  return rounded >= 1e6
    ? `${(rounded / 1e6).toLocaleString('en')} million`
    : rounded.toLocaleString('en');
}
