import type { Configuration } from '../../config/configuration.js';
import { compileModelPattern } from '../../config/rows/model-pattern.js';
import type { Settings } from '../../config/settings/settings-types.js';
import type { ConfiguredNames } from '../../observe/metrics-labels.js';
import type { CredentialChange } from '../../routing/configuration-change.js';

/**
 * All names in a configuration: enabled providers, exact models of mappings and the models they map
 * to, exact entries of `allowed_models`, and models with fallbacks.
 */
export function configuredNames(
  { providers, credentials }: Configuration,
  { fallbacks, context_length_fallbacks, content_policy_fallbacks }: Settings['routing'],
): ConfiguredNames {
  const models = new Set<string>(
    [fallbacks, context_length_fallbacks, content_policy_fallbacks]
      .flatMap((lists) => Object.entries(lists))
      .flat(2),
  );
  for (const { model_mapping } of providers) {
    for (const name of Object.entries(model_mapping).flat()) if (isExact(name)) models.add(name);
  }
  // Most keys have the same few: each is read once.
  const allowed = new Set<string>();
  for (const { allowed_models } of credentials) {
    for (const name of allowed_models ?? []) allowed.add(name);
  }
  for (const name of allowed) if (isExact(name)) models.add(name);
  const enabled = providers.filter(({ is_enabled }) => is_enabled);
  return {
    models,
    providers: enabled.map(({ provider_key }) => provider_key),
    pairs: enabled.flatMap(({ provider_key, model_mapping }) =>
      Object.keys(model_mapping)
        .filter(isExact)
        .map((model) => [model, provider_key] as const),
    ),
  };
}

/** True if a change of credentials may change the set of configured names. */
export function namesModels({ removed, added }: CredentialChange): boolean {
  return [...removed, ...added].some(({ allowed_models }) => allowed_models?.some(isExact));
}

function isExact(name: string): boolean {
  const pattern = compileModelPattern(name);
  return typeof pattern !== 'string' && pattern.kind === 'exact';
}
