import type { Sql } from '../client.js';
import type { CredentialInput, ProviderInput, TeamInput } from './rows.js';

/** The given columns of a write, with JSON columns marked as such. */
export function providerValues(sql: Sql, input: Partial<ProviderInput>) {
  const { model_mapping, provider_params, ...plain } = input;
  return defined({
    ...plain,
    model_mapping: model_mapping && sql.json(model_mapping),
    provider_params: provider_params && sql.json(provider_params as never),
  });
}

/** Like `providerValues`. "No restriction" is stored as NULL. */
export function credentialValues(sql: Sql, input: Partial<CredentialInput>) {
  const { allowed_models, allowed_ips, limits, tags, cache, ...plain } = input;
  return defined({
    ...plain,
    allowed_models: allowed_models && sql.json(allowed_models),
    allowed_ips: allowed_ips && sql.json(allowed_ips),
    limits: limits && sql.json(limits as never),
    tags: tags && sql.json(tags),
    cache: cache && sql.json(cache as never),
  });
}

/** Like `providerValues`. */
export function teamValues(sql: Sql, input: Partial<TeamInput>) {
  const { allowed_models, limits, tags, admins, cache, ...plain } = input;
  return defined({
    ...plain,
    allowed_models: allowed_models && sql.json(allowed_models),
    limits: limits && sql.json(limits as never),
    tags: tags && sql.json(tags),
    admins: admins && sql.json(admins),
    cache: cache && sql.json(cache as never),
  });
}

function defined<T extends object>(values: T) {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
