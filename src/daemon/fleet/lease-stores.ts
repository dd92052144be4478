import type { Settings } from '../../config/settings/settings-types.js';
import { keepLeaseShares, leaveLeases, takeLeases } from '../../db/queries/fleet/take-leases.js';
import { withDeadline } from '../../db/with-deadline.js';
import { confirming, type LeaseStore } from '../../limits/lease-store.js';
import type { Store } from '../store.js';
import { valkeyLeases } from './valkey-leases.js';

/**
 * Requests wait for the store; after a second, a worker would assume that the control process is
 * gone.
 */
const storeTimeoutMs = 1_000;

/** The store that limits are leased from: a Valkey where one is set, else the database. */
export function openLeaseStore(
  settings: Settings['fleet'],
  store: Store,
  daemon: string,
): LeaseStore {
  const { valkey_url: url, valkey_ca: ca } = settings;
  if (url !== null) return valkeyLeases({ url, ca, timeoutMs: storeTimeoutMs, store }, daemon);
  return {
    take: confirming((wanted, dead, last) =>
      withDeadline(store.sql, storeTimeoutMs, 'Leasing limits', (sql) =>
        takeLeases(sql, daemon, dead, wanted, last),
      ),
    ),
    keepShares: (daemons) => keepLeaseShares(store.sql, daemons),
    leave: () => leaveLeases(store.sql, daemon),
    close: async () => {},
  };
}

/** The store's name for people, without its secrets. */
export function leaseStoreName({ valkey_url: url }: Settings['fleet']): string {
  return url === null ? 'postgres' : new URL(url).host;
}
