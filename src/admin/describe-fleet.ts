import type { DaemonRow } from '../db/queries/fleet/daemons.js';

/** A daemon that has been silent for this long is gone. */
export const goneAfterMs = 5_000;

/** A daemon of the fleet, as the admin API shows it. */
export interface FleetDaemon {
  id: string;
  host: string;
  version: string;
  pid: number;
  workers: number;
  listeners: readonly string[];
  /**
   * `cut_off`: it cannot reach the database, but serves. `gone`: it ended without deregistering, or nobody
   * reaches it.
   */
  state: DaemonRow['state'] | 'cut_off' | 'gone';
  config_version: number | null;
  /** Number of configuration changes that it does not use yet. */
  behind: number;
  /** The store that limits are leased from; daemons with different stores do not share limits. */
  limit_store: string;
  started_at: Date;
  heartbeat: Date;
  heartbeat_age_ms: number;
}

export interface DescribedFleet {
  /** Version of the configuration's rows. */
  config_version: number;
  /** Versions of llmproxy among daemons that are not gone. */
  versions: string[];
  daemons: FleetDaemon[];
}

/**
 * The daemons of a database.
 * @param isDead true for a daemon that is known to have ended.
 * @param serves true for a silent daemon that still answers at its listener.
 */
export function describeFleet(
  rows: readonly DaemonRow[],
  configVersion: number,
  isDead: (row: DaemonRow) => boolean = () => false,
  serves: (id: string) => boolean = () => false,
): DescribedFleet {
  const daemons = rows.map((row): FleetDaemon => {
    const { id, host, version, pid, workers, listeners, config_version, limit_store } = row;
    const isSilent = row.age_ms > goneAfterMs || isDead(row);
    return {
      ...{ id, host, version, pid, workers, listeners },
      state: isSilent ? (serves(id) ? 'cut_off' : 'gone') : row.state,
      config_version,
      behind: config_version === null ? 0 : Math.max(0, configVersion - config_version),
      limit_store,
      started_at: row.started_at,
      heartbeat: row.heartbeat,
      heartbeat_age_ms: Math.round(row.age_ms),
    };
  });
  const versions = new Set(
    daemons.flatMap(({ state, version }) => (state === 'gone' ? [] : version)),
  );
  return { config_version: configVersion, versions: [...versions].sort(), daemons };
}
