import { leaseEveryMs } from './lease-queue.js';

/**
 * Load of a fleet on its database and its store of limits, from figures of one machine. Pure
 * arithmetic: `scale.ts` prints it.
 */

/** Measured by `statements.ts` unless noted. */
export const measured = {
  /** CPU of worker and control process for a small request: docs/performance.md, "Where the time goes". */
  requestUs: 48,
  /** CPU for a streamed chunk: the same. */
  chunkUs: 23,
  /** PostgreSQL's CPU, and its log (WAL), for a statement that stores rows, by statement, row and sum. */
  storeUs: { statement: 1_700, row: 31, sum: 13 },
  storeWalBytes: { statement: 0, row: 567, sum: 466 },
  /** Merging an appended sum later. */
  mergeUs: 9,
  mergeWalBytes: 64,
  /** A row with its indexes. */
  rowBytes: 341,
  /** Leasing, by call and limit: one call at a time in either store. Valkey's is the whole time of a call. */
  leaseUs: { postgres: { call: 330, limit: 63 }, valkey: { call: 220, limit: 18 } },
  /** A heartbeat: its own row is written, and those of all daemons are read. */
  heartbeatUs: { call: 430, daemon: 4.5 },
  daemonBytes: 412,
  /** Changing a key, and reading that for one daemon. */
  changeUs: 1_100,
  readChangeUs: 1_700,
  /** A notification, by call and listener. */
  notifyUs: { call: 87, listener: 20 },
};

/** Constants of src. */
const storesPerSecond = 2; // usage-queue.ts: a batch waits 500 ms
const maxBatchRows = 1_000; // usage-queue.ts
const leasesPerSecond = 1_000 / leaseEveryMs;
const reservedConnections = 3; // superuser_reserved_connections of PostgreSQL
const extraConnections = 3; // database.ts, listen.ts: two for reports, one that listens
const selfNotifications = 0.1; // listen.ts: one each 10 s

/** The traffic. */
export interface Load {
  machines: number;
  /** Requests a second of each machine at the busiest time. */
  perSecond: number;
  /** Average over the day, as a share of that. */
  averageShare: number;
  /** Streamed chunks of a request. */
  chunks: number;
  /** Keys, and models, that are busy on one machine at a time. */
  keys: number;
  models: number;
  /** Limits that a request is under. */
  limits: number;
  /** Changes of the configuration a minute. */
  changesPerMinute: number;
}

/** The assumed hardware and settings. */
export interface Setup {
  /** Number of fleets, each with its own database; machines are spread over them evenly. */
  fleets: number;
  poolSize: number;
  /** Connections of a pooler to the database; null: none, daemons connect themselves. */
  pooled: number | null;
  maxConnections: number;
  leases: 'postgres' | 'valkey';
  postgresCores: number;
  /** Sustained writes of PostgreSQL's volume. */
  diskMBps: number;
  diskGB: number;
  networkMBps: number;
  retentionDays: number;
}

export const defaultSetup: Setup = {
  fleets: 1,
  poolSize: 10,
  pooled: null,
  maxConnections: 100,
  leases: 'postgres',
  postgresCores: 4,
  diskMBps: 125,
  diskGB: 1_000,
  networkMBps: 125,
  retentionDays: 30,
};

/** Load of all machines together. */
export interface Totals {
  requestsPerSecond: number;
  /** Load of each machine. */
  gatewayCores: number;
  rowsPerDay: number;
  rowBytesPerDay: number;
}

/** Load of each database and of the store of limits, at peak time. */
export interface Demand {
  storesPerSecond: number;
  rowsPerSecond: number;
  /** Sums appended. */
  sumsPerSecond: number;
  walBytesPerSecond: number;
  heartbeatsPerSecond: number;
  heartbeatBytesPerSecond: number;
  changeReadsPerSecond: number;
  notificationsPerSecond: number;
  /** Notifications times those that listen. */
  wakesPerSecond: number;
  leasesPerSecond: number;
  /** Share of the time that the store of limits settles somebody's: it serves one daemon at a time. */
  leaseShare: number;
  /** Time that one call keeps it, in milliseconds. */
  leaseMs: number;
  postgresCores: number;
  connections: number;
  /** Rows that are kept. */
  keptBytes: number;
}

export function totalsOf(load: Load): Totals {
  const requestsPerSecond = load.machines * load.perSecond;
  const rowsPerDay = requestsPerSecond * load.averageShare * 86_400;
  return {
    requestsPerSecond,
    gatewayCores: (load.perSecond * (measured.requestUs + load.chunks * measured.chunkUs)) / 1e6,
    rowsPerDay,
    rowBytesPerDay: rowsPerDay * measured.rowBytes,
  };
}

export function demandOf(load: Load, setup: Setup): Demand {
  const machines = load.machines / setup.fleets;
  const stores = machines * Math.max(storesPerSecond, load.perSecond / maxBatchRows);
  const rows = machines * load.perSecond;
  const sums = stores * sumsOf(rows / stores, load);
  const leases = machines * leasesPerSecond;
  const limitsAtOnce = Math.min(load.keys, load.perSecond / leasesPerSecond) * load.limits;
  const leaseCost = measured.leaseUs[setup.leases];
  const leaseUs = leaseCost.call + leaseCost.limit * limitsAtOnce;
  const changes = load.changesPerMinute / 60;
  const notifications = machines * selfNotifications + changes;
  const heartbeatUs = measured.heartbeatUs.call + measured.heartbeatUs.daemon * machines;
  const busyUs =
    cost(measured.storeUs, stores, rows, sums) +
    sums * measured.mergeUs +
    (setup.leases === 'postgres' ? leases * leaseUs : 0) +
    machines * heartbeatUs +
    changes * (measured.changeUs + machines * measured.readChangeUs) +
    notifications * (measured.notifyUs.call + machines * measured.notifyUs.listener);
  return {
    storesPerSecond: stores,
    rowsPerSecond: rows,
    sumsPerSecond: sums,
    walBytesPerSecond:
      cost(measured.storeWalBytes, stores, rows, sums) + sums * measured.mergeWalBytes,
    heartbeatsPerSecond: machines,
    heartbeatBytesPerSecond: machines * machines * measured.daemonBytes,
    changeReadsPerSecond: changes * machines,
    notificationsPerSecond: notifications,
    wakesPerSecond: notifications * machines,
    leasesPerSecond: leases,
    leaseShare: (leases * leaseUs) / 1e6,
    leaseMs: leaseUs / 1_000,
    postgresCores: busyUs / 1e6,
    connections:
      setup.pooled === null
        ? machines * (setup.poolSize + extraConnections)
        : machines + setup.pooled,
    keptBytes: (totalsOf(load).rowBytesPerDay * setup.retentionDays) / setup.fleets,
  };
}

/**
 * Sums that a batch appends: by key, and by model, for hour and day; by both, by end user and by tag for
 * the day. Each row of a batch has another key as long as there are enough.
 */
export function sumsOf(batchRows: number, { keys, models }: Pick<Load, 'keys' | 'models'>): number {
  return 3 * Math.min(batchRows, keys) + 2 * Math.min(batchRows, models) + 2;
}

function cost(
  each: { statement: number; row: number; sum: number },
  statements: number,
  rows: number,
  sums: number,
): number {
  return each.statement * statements + each.row * rows + each.sum * sums;
}

interface Wall {
  name: string;
  /** Used share of the capacity; 1 is the wall. */
  use: (demand: Demand, setup: Setup) => number;
  /** Remedies, the cheapest first; null where a move does not apply any more. */
  moves: readonly Move[];
}

interface Move {
  what: string;
  apply: (setup: Setup) => Setup | null;
}

/** Reserve for peaks, other queries and unmeasured work. */
const headroom = 0.6;

const split: Move = {
  what: 'another fleet with its own database, and part of the keys',
  apply: (setup) => ({ ...setup, fleets: setup.fleets + 1 }),
};

/** A one-time change, as long as a setting is below its value. */
const raise = (what: string, changes: Partial<Setup>): Move => ({
  what,
  apply: (setup) => (holds(setup, changes) ? null : { ...setup, ...changes }),
});

const holds = (setup: Setup, changes: Partial<Setup>) =>
  Object.entries(changes).every(([name, value]) => setup[name as keyof Setup] === value);

export const walls: readonly Wall[] = [
  {
    name: 'connections of PostgreSQL',
    use: ({ connections }, setup) => connections / (setup.maxConnections - reservedConnections),
    moves: [
      raise('max_connections = 500, database.pool_size: 4', { maxConnections: 500, poolSize: 4 }),
      raise('a pooler in transaction mode, database.listen_url past it, max_connections = 2000', {
        pooled: 200,
        maxConnections: 2_000,
      }),
      split,
    ],
  },
  {
    name: 'leases of limits, one call at a time',
    use: ({ leaseShare }) => leaseShare / headroom,
    moves: [raise('fleet.valkey_url', { leases: 'valkey' }), split],
  },
  {
    name: 'CPU of PostgreSQL',
    use: ({ postgresCores }, setup) => postgresCores / (setup.postgresCores * headroom),
    moves: [raise('16 cores', { postgresCores: 16 }), split],
  },
  {
    name: 'writes of PostgreSQL (WAL)',
    use: ({ walBytesPerSecond }, { diskMBps }) => walBytesPerSecond / (diskMBps * 1e6 * headroom),
    moves: [raise('a volume of 500 MB/s', { diskMBps: 500 }), split],
  },
  {
    name: 'disk of PostgreSQL',
    use: ({ keptBytes }, { diskGB }) => keptBytes / (diskGB * 1e9 * 0.8),
    moves: [
      raise('usage.retention_days: 3, and usage.export to a column store', { retentionDays: 3 }),
      raise('4 TB', { diskGB: 4_000 }),
      split,
    ],
  },
  {
    name: 'heartbeats, of which each reads all',
    use: ({ heartbeatBytesPerSecond }, { networkMBps }) =>
      heartbeatBytesPerSecond / (networkMBps * 1e6 * headroom),
    moves: [split],
  },
];

/** A wall, at the fewest machines that reach it. */
export interface Reached {
  wall: string;
  machines: number;
  moved: string;
  setup: Setup;
}

/** The first wall of a setup as machines are added, and the change that moves it. */
export function firstWall(load: Omit<Load, 'machines'>, setup: Setup): Reached {
  const [first] = walls
    .map((wall) => ({ wall, machines: fewest(load, setup, wall) }))
    .sort((a, b) => a.machines - b.machines);
  if (!first) throw new Error('there is no wall');
  const { wall, machines } = first;
  for (const { what, apply } of wall.moves) {
    const after = apply(setup);
    if (after) return { wall: wall.name, machines, moved: what, setup: after };
  }
  throw new Error(`nothing moves ${wall.name}`);
}

/** The walls on the way to so many machines, each moved in turn, and the setup that this leads to. */
export function wallsUpTo(load: Load, from: Setup): { walls: Reached[]; setup: Setup } {
  const reached: Reached[] = [];
  for (let setup = from; ; ) {
    const next = firstWall(load, setup);
    if (next.machines > load.machines) return { walls: reached, setup };
    setup = next.setup;
    // Fleets are added one by one: only the first one counts as a step.
    if (!reached.some(({ moved }) => moved === next.moved)) reached.push(next);
  }
}

/** The fewest machines at which a wall is reached; infinite where more than a million are not enough. */
function fewest(load: Omit<Load, 'machines'>, setup: Setup, { use }: Wall): number {
  const isReached = (machines: number) => use(demandOf({ ...load, machines }, setup), setup) > 1;
  let [low, high] = [0, 1_000_000];
  if (!isReached(high)) return Number.POSITIVE_INFINITY;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isReached(middle)) high = middle;
    else low = middle;
  }
  return high;
}
