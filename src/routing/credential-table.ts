import type { Credential, LossPolicy, Team } from '../config/configuration.js';
import { Networks } from '../config/network/networks.js';
import { type CachePolicy, compileCachePolicy } from './cache-policy.js';
import type { CredentialChange } from './configuration-change.js';
import { compileAllowedModels } from './model-mapping.js';
import { compileQuotas, type Quotas } from './quota.js';

/** A key's share of a queue. */
export interface Share {
  readonly team: string;
  readonly teamWeight: number;
  readonly key: string;
  readonly keyWeight: number;
  readonly priority: number;
}

export interface RoutedCredential {
  readonly id: number | null;
  readonly name: string;
  /** Name of its team. */
  readonly team: string | null;
  /** Tags of all its requests: its own and its team's, each once. */
  readonly tags: readonly string[];
  /** SHA-256 of the key, lower-case hex. */
  readonly hash: string;
  /** Identifies this credential's limiter: a rotated key keeps it. */
  readonly key: string;
  /** Null: all models. If it belongs to a team, the team allows them too. */
  readonly allows: ((model: string) => boolean) | null;
  /** Requests per second; null: no limit. */
  readonly rateLimit: number | null;
  /** Maximum requests at once, where there is a limit. */
  readonly burst: number;
  /** Its place in fair queues. */
  readonly share: Share;
  /** Further limits, its team's included; null: none. */
  readonly quotas: Quotas | null;
  /** Expiry: wall clock, milliseconds; null never. */
  readonly expiresAt: number | null;
  /** Store the bodies of requests and answers. */
  readonly storeBodies: boolean;
  /** Policy for losses of translation; null: that of each provider. */
  readonly losses: LossPolicy | null;
  /** Networks that it may be used from; null: all. */
  readonly allowedIps: Networks | null;
  /** Cache rules; null: nothing is cached. */
  readonly cache: CachePolicy | null;
}

/** Sharded by the first byte of the hash: with 100,000 keys a change copies a few hundred. */
const shardCount = 256;

type Shard = ReadonlyMap<string, RoutedCredential>;

/**
 * The enabled credentials by SHA-256 of the key, lower-case hex. Immutable: a changed table shares
 * untouched shards with its predecessor.
 */
export class CredentialTable {
  readonly #keys: readonly Shard[];
  /** By previous keys, after rotations; a current key wins over a previous one. */
  readonly #previous: readonly Shard[];

  /** For `NextCredentials`. */
  constructor(keys: readonly Shard[], previous: readonly Shard[]) {
    this.#keys = keys;
    this.#previous = previous;
  }

  static of(credentials: readonly Credential[], teams: readonly Team[]): CredentialTable {
    const none: Shard[] = Array.from({ length: shardCount }, () => new Map());
    const next = new CredentialTable(none, none).next(teams);
    next.change({ removed: [], added: credentials });
    return next.table();
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

  /**
   * Begins the table that follows this one.
   * @param teams all there are then.
   */
  next(teams: readonly Team[]): NextCredentials {
    return new NextCredentials(this.#keys, this.#previous, teams);
  }
}

type Iterables<Lists> = { [Name in keyof Lists]: Iterable<Credential> };

/** A table in the making, which takes a large change piece by piece. */
export class NextCredentials {
  readonly #keys: ChangedShards;
  readonly #previous: ChangedShards;
  readonly #teams: ReadonlyMap<string, Team>;

  constructor(keys: readonly Shard[], previous: readonly Shard[], teams: readonly Team[]) {
    this.#keys = new ChangedShards(keys);
    this.#previous = new ChangedShards(previous);
    this.#teams = new Map(teams.map((team) => [team.name, team]));
  }

  /** All removals come before the first addition: the same key can be in both. */
  change({ removed, added }: Iterables<CredentialChange>): void {
    for (const credential of removed) {
      const { credential_key, previous_key } = credential;
      this.#keys.of(credential_key).delete(credential_key);
      if (!previous_key) continue;
      const shard = this.#previous.of(previous_key);
      if (shard.get(previous_key)?.key === limiterKey(credential)) shard.delete(previous_key);
    }
    for (const credential of added) {
      const { credential_key, previous_key, is_enabled } = credential;
      if (!is_enabled) continue;
      const current = routed(credential, this.#teams.get(credential.team ?? '') ?? null);
      this.#keys.of(credential_key).set(credential_key, current);
      if (!previous_key) continue;
      const before = routedBefore(credential, current, previous_key);
      this.#previous.of(previous_key).set(previous_key, before);
    }
  }

  /** The table, after the last change. */
  table(): CredentialTable {
    return new CredentialTable(this.#keys.shards, this.#previous.shards);
  }
}

/** Shards, each copied before its first change. */
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

/** At the start it is called for each of perhaps a million keys. */
function routed(credential: Credential, team: Team | null): RoutedCredential {
  const key = limiterKey(credential);
  return Object.freeze({
    id: credential.id,
    name: credential.name,
    team: team?.name ?? null,
    tags: tagsOf(credential.tags, team?.tags),
    hash: credential.credential_key,
    key,
    allows: both(
      compileAllowedModels(credential.allowed_models),
      team && compileAllowedModels(team.allowed_models),
    ),
    rateLimit: credential.rate_limit,
    share: Object.freeze({
      team: team?.name ?? '',
      teamWeight: team?.weight ?? 1,
      key,
      keyWeight: credential.weight ?? 1,
      priority: credential.priority ?? 0,
    }),
    quotas: compileQuotas(credential, key, team),
    expiresAt: milliseconds(credential.expires_at),
    storeBodies: credential.store_bodies ?? false,
    losses: credential.losses ?? null,
    burst: credential.burst ?? credential.rate_limit ?? 0,
    allowedIps: credential.allowed_ips ? new Networks(credential.allowed_ips) : null,
    cache: compileCachePolicy(credential, key, team),
  });
}

const noTags: readonly string[] = Object.freeze([]);

function tagsOf(own: readonly string[] = noTags, ofTeam = noTags): readonly string[] {
  if (own.length + ofTeam.length === 0) return noTags;
  return Object.freeze([...new Set([...own, ...ofTeam])]);
}

/** The id, since a hash would give a rotated key a full bucket. */
function limiterKey({ id, credential_key }: Credential): string {
  return id === null ? credential_key : `credential ${id}`;
}

/** The credential under its previous key. */
function routedBefore(
  credential: Credential,
  after: RoutedCredential,
  previousKey: string,
): RoutedCredential {
  const ends = [after.expiresAt, milliseconds(credential.previous_expires_at) ?? 0];
  return Object.freeze({
    ...after,
    hash: previousKey,
    expiresAt: Math.min(...ends.filter((end) => end !== null)),
  });
}

type Allows = RoutedCredential['allows'];

function both(one: Allows, other: Allows): Allows {
  if (!one || !other) return one ?? other;
  return (model) => one(model) && other(model);
}

function milliseconds(time: string | null | undefined): number | null {
  return time ? Date.parse(time) : null;
}
