import type { Credential } from '../configuration.js';

type OwnField =
  | 'id'
  | 'credential_key'
  | 'name'
  | 'key_preview'
  | 'rate_limit'
  | 'team'
  | 'expires_at';

/**
 * The fields in which most credentials are alike. Whoever handles a hundred thousand of them, in the
 * order of their ids, does so once for those in a row that have the same form.
 */
export type CredentialForm = Required<Omit<Credential, OwnField>>;

const none = { tags: [], limits: {} };

export function formOf(credential: Credential): CredentialForm {
  return {
    allowed_models: credential.allowed_models,
    burst: credential.burst ?? null,
    is_enabled: credential.is_enabled,
    previous_key: credential.previous_key ?? null,
    previous_expires_at: credential.previous_expires_at ?? null,
    tags: credential.tags ?? none.tags,
    store_bodies: credential.store_bodies ?? false,
    losses: credential.losses ?? null,
    allowed_ips: credential.allowed_ips ?? null,
    limits: credential.limits ?? none.limits,
    weight: credential.weight ?? 1,
    priority: credential.priority ?? 0,
    cache: credential.cache ?? null,
  };
}

/** False also where they are equal, but of different objects. */
export function haveSameForm(one: Credential, other: Credential): boolean {
  return (
    one.allowed_models === other.allowed_models &&
    one.burst === other.burst &&
    one.is_enabled === other.is_enabled &&
    one.previous_key === other.previous_key &&
    one.previous_expires_at === other.previous_expires_at &&
    one.tags === other.tags &&
    one.store_bodies === other.store_bodies &&
    one.losses === other.losses &&
    one.allowed_ips === other.allowed_ips &&
    one.limits === other.limits &&
    one.weight === other.weight &&
    one.priority === other.priority &&
    one.cache === other.cache
  );
}
