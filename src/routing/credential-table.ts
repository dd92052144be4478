import type { Credential } from '../config/configuration.js';
import { compileAllowedModels } from './model-mapping.js';

export interface RoutedCredential {
  readonly id: number | null;
  readonly name: string;
  readonly hash: Buffer;
  /** Names this credential's limiter: the same for a key and the one that it replaced. */
  readonly key: string;
  /** Null: all models. */
  readonly allows: ((model: string) => boolean) | null;
  /** Requests a second, or null. */
  readonly rateLimit: number | null;
  /** Refused from then on: wall clock, milliseconds; null never. */
  readonly expiresAt: number | null;
  /** Whether the bodies of its requests and answers are stored. */
  readonly storeBodies: boolean;
}

/** By the first byte of the hash: of 100,000 keys a change copies some hundreds. */
const shardCount = 256;

type Shard = ReadonlyMap<string, RoutedCredential>;

/**
 * The enabled credentials by SHA-256 of the key, lower-case hex. Immutable: a table with a change
 * shares with the one before it what the change does not touch.
 */
export class CredentialTable {
  readonly #keys: readonly Shard[];
  /** By the keys before rotations; one that somebody has now is looked for there first. */
  readonly #previous: readonly Shard[];

  private constructor(keys: readonly Shard[], previous: readonly Shard[]) {
    this.#keys = keys;
    this.#previous = previous;
  }

  static of(credentials: readonly Credential[]): CredentialTable {
    const none: Shard[] = Array.from({ length: shardCount }, () => new Map());
    return new CredentialTable(none, none).with([], credentials);
  }

  get(digest: string): RoutedCredential | undefined {
    const shard = shardOf(digest);
    return this.#keys[shard]?.get(digest) ?? this.#previous[shard]?.get(digest);
  }

  *values(): Generator<RoutedCredential> {
    for (const shard of this.#keys) yield* shard.values();
    for (const shard of this.#previous) {
      for (const [digest, credential] of shard)
        if (this.get(digest) === credential) yield credential;
    }
  }

  with(removed: readonly Credential[], added: readonly Credential[]): CredentialTable {
    const keys = new ChangedShards(this.#keys);
    const previous = new ChangedShards(this.#previous);
    for (const credential of removed) {
      const { credential_key, previous_key } = credential;
      keys.of(credential_key).delete(credential_key);
      if (!previous_key) continue;
      const shard = previous.of(previous_key);
      if (shard.get(previous_key)?.key === limiterKey(credential)) shard.delete(previous_key);
    }
    for (const credential of added) {
      const { credential_key, previous_key, is_enabled } = credential;
      if (!is_enabled) continue;
      keys.of(credential_key).set(credential_key, routed(credential));
      if (!previous_key) continue;
      previous.of(previous_key).set(previous_key, routedBefore(credential, previous_key));
    }
    return new CredentialTable(keys.shards, previous.shards);
  }
}

/** Shards, each copied when it is first changed. */
class ChangedShards {
  readonly shards: Shard[];
  readonly #copies = new Map<number, Map<string, RoutedCredential>>();

  constructor(shards: readonly Shard[]) {
    this.shards = [...shards];
  }

  of(digest: string): Map<string, RoutedCredential> {
    const index = shardOf(digest);
    let copy = this.#copies.get(index);
    if (!copy) {
      copy = new Map(this.shards[index]);
      this.#copies.set(index, copy);
      this.shards[index] = copy;
    }
    return copy;
  }
}

function shardOf(digest: string): number {
  return Number.parseInt(digest.slice(0, 2), 16);
}

function routed(credential: Credential): RoutedCredential {
  return Object.freeze({
    id: credential.id,
    name: credential.name,
    hash: Buffer.from(credential.credential_key, 'hex'),
    key: limiterKey(credential),
    allows: compileAllowedModels(credential.allowed_models),
    rateLimit: credential.rate_limit,
    expiresAt: milliseconds(credential.expires_at),
    storeBodies: credential.store_bodies ?? false,
  });
}

/** Not the hash where there is an id: a rotation would fill the bucket anew. */
function limiterKey({ id, credential_key }: Credential): string {
  return id === null ? credential_key : `credential ${id}`;
}

/** The credential under its key before a rotation. */
function routedBefore(credential: Credential, previousKey: string): RoutedCredential {
  const after = routed(credential);
  const ends = [after.expiresAt, milliseconds(credential.previous_expires_at) ?? 0];
  return Object.freeze({
    ...after,
    hash: Buffer.from(previousKey, 'hex'),
    expiresAt: Math.min(...ends.filter((end) => end !== null)),
  });
}

function milliseconds(time: string | null | undefined): number | null {
  return time ? Date.parse(time) : null;
}
