import type { Credential, LossPolicy } from '../../config/configuration.js';
import type { CacheRules } from '../../config/rows/cache.js';
import type { Limits } from '../../config/rows/limits.js';
import type { Sql } from '../client.js';

/** A row of `providers`. */
export interface ProviderRow {
  id: number;
  provider_key: string;
  provider_type: string;
  api_base: string;
  /** Secret. */
  api_key: string;
  model_mapping: Record<string, string>;
  weight: number;
  provider_params: Record<string, unknown>;
  is_enabled: boolean;
  created_at: Date;
  updated_at: Date;
}

/** A row of `credentials`. */
export interface CredentialRow {
  id: number;
  /** SHA-256 of the key, lower-case hex. */
  credential_key: string;
  /** The key, masked for display; empty in a row that another program wrote. */
  key_preview: string;
  name: string;
  allowed_models: string[] | null;
  /** Requests per second; 0 blocks all, null is unlimited. */
  rate_limit: number | null;
  /** Maximum requests at once; null: as many as `rate_limit`. */
  burst: number | null;
  is_enabled: boolean;
  /** Refused after this time; null: never. */
  expires_at: Date | null;
  tags: string[];
  /** True if the bodies of its requests and answers are stored. */
  store_bodies: boolean;
  /** Policy for losses of translation; null: that of each provider. */
  losses: LossPolicy | null;
  /** Addresses and networks that may use it; null: all. */
  allowed_ips: string[] | null;
  /** Name of its team; null: none. */
  team: string | null;
  /** Limits besides `rate_limit`. */
  limits: Limits;
  /** Share in the fair queue, and order within the team. */
  weight: number;
  priority: number;
  /** Cache rules; null: those of its team. */
  cache: CacheRules | null;
  /** The key before a rotation, as `credential_key`; both are null where there is none. */
  previous_key: string | null;
  previous_expires_at: Date | null;
  /** To about a minute; null if never used. */
  last_used_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

/** A row of `teams`. */
export interface TeamRow {
  id: number;
  name: string;
  allowed_models: string[] | null;
  limits: Limits;
  weight: number;
  tags: string[];
  admins: string[];
  /** Cache rules for keys without their own. */
  cache: CacheRules | null;
  /** Number of its keys. */
  keys: number;
  created_at: Date;
  updated_at: Date;
}

export type TeamInput = Omit<TeamRow, 'id' | 'keys' | 'created_at' | 'updated_at'>;

export type ProviderInput = Omit<ProviderRow, 'id' | 'created_at' | 'updated_at'>;

type CredentialDefaults =
  | 'burst'
  | 'allowed_ips'
  | 'expires_at'
  | 'tags'
  | 'store_bodies'
  | 'losses'
  | 'team'
  | 'limits'
  | 'weight'
  | 'priority'
  | 'cache'
  | 'previous_key'
  | 'previous_expires_at';
export type CredentialInput = Omit<
  CredentialRow,
  'id' | 'created_at' | 'updated_at' | 'last_used_at' | CredentialDefaults
> &
  Partial<Pick<CredentialRow, CredentialDefaults>>;

export const providerColumns = [
  'id',
  'provider_key',
  'provider_type',
  'api_base',
  'api_key',
  'model_mapping',
  'weight',
  'provider_params',
  'is_enabled',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof ProviderRow)[];

export const teamColumns = [
  'id',
  'name',
  'allowed_models',
  'limits',
  'weight',
  'tags',
  'admins',
  'cache',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof TeamRow)[];

export const credentialColumns = [
  'id',
  'credential_key',
  'key_preview',
  'name',
  'allowed_models',
  'rate_limit',
  'burst',
  'is_enabled',
  'expires_at',
  'tags',
  'store_bodies',
  'losses',
  'allowed_ips',
  'team',
  'limits',
  'weight',
  'priority',
  'cache',
  'previous_key',
  'previous_expires_at',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof CredentialRow)[];

/** Values that most credentials have. One object for all: a million of them would take 140 MB. */
const common = {
  models: Object.freeze(['*']) as string[],
  tags: Object.freeze([] as string[]) as string[],
  limits: Object.freeze({}) as Limits,
};

/** A row, or the columns of a future one, as configuration, where times are text. */
export function toCredential(id: number | null, row: CredentialInput): Credential {
  const { credential_key, name, allowed_models, rate_limit, is_enabled, key_preview } = row;
  const isAll = allowed_models?.length === 1 && allowed_models[0] === '*';
  return {
    id,
    credential_key,
    name,
    allowed_models: isAll ? common.models : allowed_models,
    rate_limit,
    is_enabled,
    key_preview,
    expires_at: row.expires_at?.toISOString() ?? null,
    previous_key: row.previous_key ?? null,
    previous_expires_at: row.previous_expires_at?.toISOString() ?? null,
    tags: row.tags?.length ? row.tags : common.tags,
    store_bodies: row.store_bodies ?? false,
    losses: row.losses ?? null,
    burst: row.burst ?? null,
    allowed_ips: row.allowed_ips ?? null,
    team: row.team ?? null,
    limits: hasAny(row.limits) ? row.limits : common.limits,
    weight: row.weight ?? 1,
    priority: row.priority ?? 0,
    cache: row.cache ?? null,
  };
}

function hasAny(limits: Limits | undefined): limits is Limits {
  for (const _ in limits) return true;
  return false;
}

/** The columns of a credential, and its last use. */
export function credentialSelection(sql: Sql) {
  return sql`${sql(credentialColumns)}, (
    SELECT last_used_at FROM credential_usage WHERE credential_id = credentials.id
  ) AS last_used_at`;
}

/** The columns of a team, and its number of keys. */
export function teamSelection(sql: Sql) {
  return sql`${sql(teamColumns)}, (
    SELECT count(*)::int FROM credentials WHERE team = teams.name
  ) AS keys`;
}

/** Selects rows of a list. */
export interface Page {
  limit: number;
  offset: number;
  /** A column of its orders, after a `-` for the reverse; by id if absent. */
  sort?: string;
  /** Only those with a higher id. */
  after?: number;
  enabled?: boolean;
  /** Part of a name; case is ignored. */
  search?: string;
  /** The whole name. */
  exact?: string;
  /** Only credentials with all of these tags. */
  tags?: readonly string[];
  /** Only credentials of this team. */
  team?: string | null;
}
