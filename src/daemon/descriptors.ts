import { readFileSync } from 'node:fs';

/** For files, the control process, and providers that many requests do not need one each of. */
const reserved = 64;
const minClients = 8;

/**
 * Connections of clients that this process takes at most, so that descriptors are left for those to
 * providers and for everything else.
 * @param limit of open descriptors, of which Node makes the soft one the hard one at its start.
 */
export function maxClients(limit: number): number {
  return Math.max(minClients, Math.floor((limit - reserved) / 2));
}

/** The limit of open descriptors of this process; Infinity where it is not known. */
export function descriptorLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
