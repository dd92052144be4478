import type { Configuration, Provider } from './configuration.js';
import type { Override } from './overrides.js';
import type { Problem } from './problem.js';
import { receiverOf, secretParamsOf } from './secrets/secret-columns.js';

/**
 * Finds secrets of override files that a change of rows would send to another origin, or by another
 * proxy over plain HTTP. A file with a provider's key but without its `api_base` trusts the row that
 * it was written for.
 */
export function redirectedSecrets(
  before: Configuration,
  after: Configuration,
  overrides: readonly Override[],
): Problem[] {
  const [were, are] = [byKey(before), byKey(after)];
  const problems: Problem[] = [];
  const given = new Map<string, Partial<Provider>>();
  for (const { providers } of overrides) {
    for (const [key, fields] of providers) given.set(key, { ...given.get(key), ...fields });
  }
  const receiver = (rows: ReadonlyMap<string, Provider>, key: string): string | null => {
    const row = rows.get(key);
    const { api_base = row?.api_base, provider_params } = given.get(key) ?? {};
    if (api_base === undefined) return null;
    return receiverOf({
      api_base,
      provider_params: { ...row?.provider_params, ...provider_params },
    });
  };
  for (const { source, providers } of overrides) {
    for (const [key, { api_key, provider_params = {} }] of providers) {
      const [was, is] = [receiver(were, key), receiver(are, key)];
      if (is === null || is === was) continue;
      if (api_key === undefined && secretParamsOf({ provider_params }).size === 0) continue;
      const reason = `is of this file, and would be sent to ${is}: give its api_base there too`;
      problems.push({ source, path: `providers.${key}.api_key`, reason });
    }
  }
  return problems;
}

function byKey({ providers }: Configuration): ReadonlyMap<string, Provider> {
  return new Map(providers.map((provider) => [provider.provider_key, provider]));
}
