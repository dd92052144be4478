import type { Provider } from '../config/configuration.js';
import { compileModelPattern, matchesPattern } from '../config/rows/model-pattern.js';
import { compileModelMapping } from './model-mapping.js';

/** Entries of `allowed_models` that match no model of any provider, as far as mappings show. */
export function unservedModels(
  allowed: readonly string[],
  providers: readonly Pick<Provider, 'model_mapping' | 'is_enabled'>[],
): string[] {
  const enabled = providers.filter(({ is_enabled }) => is_enabled);
  const mappings = enabled.map(({ model_mapping }) => compileModelMapping(model_mapping));
  const names = enabled.flatMap(({ model_mapping }) => Object.keys(model_mapping));
  const isOpen = enabled.some(({ model_mapping }) => Object.keys(model_mapping).length === 0);
  return allowed.filter((entry) => {
    const pattern = compileModelPattern(entry);
    if (isOpen || typeof pattern === 'string') return false;
    if (pattern.kind === 'exact') return !mappings.some((mapping) => mapping(entry) !== null);
    return !names.some((name) => {
      const named = compileModelPattern(name);
      const isExact = typeof named !== 'string' && named.kind === 'exact';
      return !isExact || matchesPattern(pattern, name);
    });
  });
}
