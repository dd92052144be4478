import type { Configuration } from './configuration.js';
import type { Override } from './overrides.js';
import type { Problem } from './problem.js';
import { originOf, secretParamsOf } from './secret-columns.js';

/**
 * Finds secrets of override files that a change of rows would send to another origin. A file with a
 * provider's key but without its `api_base` trusts the row that it was written for.
 */
export function redirectedSecrets(
  before: Configuration,
  after: Configuration,
  overrides: readonly Override[],
): Problem[] {
  const origins = ({ providers }: Configuration) =>
    new Map(providers.map(({ provider_key, api_base }) => [provider_key, originOf(api_base)]));
  const [were, are] = [origins(before), origins(after)];
  const problems: Problem[] = [];
  const entries = overrides.flatMap(({ providers }) => [...providers]);
  const withBase = new Set(
    entries.filter(([, { api_base }]) => api_base !== undefined).map(([key]) => key),
  );
  for (const { source, providers } of overrides) {
    for (const [key, { api_key, provider_params = {} }] of providers) {
      const origin = are.get(key);
      if (withBase.has(key) || origin === undefined || origin === were.get(key)) continue;
      if (api_key === undefined && secretParamsOf({ provider_params }).size === 0) continue;
      const reason = `is of this file, and would be sent to ${origin}: give its api_base there too`;
      problems.push({ source, path: `providers.${key}.api_key`, reason });
    }
  }
  return problems;
}
