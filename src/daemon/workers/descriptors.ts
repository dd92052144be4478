import { readFileSync } from 'node:fs';

/** Descriptors of a worker. */
export interface Descriptors {
  limit: number;
  /** Connections of clients at most, so that some are left for providers and everything else. */
  maxClients: number;
}

/** For files, the control process, and providers that many requests do not need one each of. */
const reserved = 64;
const minClients = 8;

/** @param limit of open descriptors; Node raises the soft limit to the hard one at its start. */
export function descriptorsOf(limit: number): Descriptors {
  return { limit, maxClients: Math.max(minClients, Math.floor((limit - reserved) / 2)) };
}

/** The limit of this process, which its workers inherit; null where the system does not report it. */
export function ownDescriptors(): Descriptors | null {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const [, limit] = /^Max open files +(\d+)/m.exec(limits) ?? [];
    return limit === undefined ? null : descriptorsOf(Number(limit));
  } catch {
    return null;
  }
}
