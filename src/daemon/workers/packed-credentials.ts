import type { Credential } from '../../config/configuration.js';
import { type CredentialForm, formOf, haveSameForm } from '../../config/rows/credential-form.js';
import type { CredentialChange } from '../../routing/configuration-change.js';

/**
 * Credentials as messages carry them: lists of values take a fifth of the time of as many objects,
 * for those who write and who read. Their previews, which no worker needs, are left out.
 */
interface PackedCredentials {
  ids: Credential['id'][];
  keys: string[];
  names: string[];
  rates: Credential['rate_limit'][];
  teams: (string | null)[];
  expiries: (string | null)[];
  forms: CredentialForm[];
  /** For each form, the number of credentials in a row that have it. */
  counts: number[];
}

/** A `CredentialChange` as a message. */
export interface PackedChange {
  removed: PackedCredentials;
  added: PackedCredentials;
}

export function packChange({ removed, added }: CredentialChange): PackedChange {
  return { removed: pack(removed), added: pack(added) };
}

/** The credentials one by one: a list of them all would outlive the collections of new objects. */
export function unpackChange({ removed, added }: PackedChange): {
  removed: Iterable<Credential>;
  added: Iterable<Credential>;
} {
  return { removed: unpack(removed), added: unpack(added) };
}

function pack(credentials: readonly Credential[]): PackedCredentials {
  const forms: CredentialForm[] = [];
  const counts: number[] = [];
  let before: Credential | null = null;
  for (const credential of credentials) {
    if (before === null || !haveSameForm(before, credential)) {
      forms.push(formOf(credential));
      counts.push(0);
    }
    counts[counts.length - 1] = (counts.at(-1) ?? 0) + 1;
    before = credential;
  }
  return {
    ids: credentials.map(({ id }) => id),
    keys: credentials.map(({ credential_key }) => credential_key),
    names: credentials.map(({ name }) => name),
    rates: credentials.map(({ rate_limit }) => rate_limit),
    teams: credentials.map(({ team }) => team ?? null),
    expiries: credentials.map(({ expires_at }) => expires_at ?? null),
    forms,
    counts,
  };
}

function* unpack(packed: PackedCredentials): Generator<Credential> {
  let at = 0;
  for (const [place, form] of packed.forms.entries()) {
    const end = at + (packed.counts[place] ?? 0);
    for (; at < end; at += 1) {
      yield {
        id: packed.ids[at] ?? null,
        credential_key: packed.keys[at] ?? '',
        name: packed.names[at] ?? '',
        key_preview: '',
        rate_limit: packed.rates[at] ?? null,
        team: packed.teams[at] ?? null,
        expires_at: packed.expiries[at] ?? null,
        allowed_models: form.allowed_models,
        burst: form.burst,
        is_enabled: form.is_enabled,
        previous_key: form.previous_key,
        previous_expires_at: form.previous_expires_at,
        tags: form.tags,
        store_bodies: form.store_bodies,
        losses: form.losses,
        allowed_ips: form.allowed_ips,
        limits: form.limits,
        weight: form.weight,
        priority: form.priority,
        cache: form.cache,
      };
    }
  }
}
