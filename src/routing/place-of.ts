/** A canary's part of the sessions of a candidate. */
export interface MovedSessions {
  /** From 0 to 1. */
  readonly share: number;
  /** The canary's place among sessions. */
  readonly place: number;
  readonly provider: string;
  /** The name that is sent. */
  readonly model: string;
}

/** The place of a name among all numbers of 32 bits (FNV-1a). */
export function placeOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return mixed(hash);
}

/** The finalizer of MurmurHash3: each bit depends on all. */
export function mixed(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
