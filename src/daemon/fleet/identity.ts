import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A daemon among those of its database. */
export interface Identity {
  /** Names this process: its host and a random part. */
  id: string;
  host: string;
  /** Names its data directory: the daemon that takes over from it has the same. */
  place: string;
  /** The machine on which its process ids are valid; null if unknown. */
  machine: string | null;
}

export function newIdentity(dataDir: string): Identity {
  const host = hostname();
  const directory = createHash('sha256').update(dataDir).digest('hex').slice(0, 12);
  return {
    id: `${host}-${randomBytes(4).toString('hex')}`,
    host,
    place: `${host}:${directory}`,
    machine: thisMachine(),
  };
}

/** Shows at `/health` which daemon answers. Everybody may see it, so it names no host. */
export function daemonTag(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 16);
}

/** The boot of this machine, and the namespace of process ids in it. */
function thisMachine(): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}
