import type { ShownSecrets } from '../../config/secrets/secret-store.js';
import type { ProviderRow } from '../../db/queries/rows.js';
import type { AsJson } from '../admin-api.js';
import { note, printFields, printTable } from '../output.js';
import { localTime } from '../times.js';

/** A provider as the admin API shows it: its secrets masked, references in full. */
export type ShownProvider = AsJson<Omit<ProviderRow, 'api_key'> & ShownSecrets>;

/** A provider as JSON for scripts, without its key. */
export function providerJson(row: ShownProvider) {
  return {
    id: row.id,
    provider_key: row.provider_key,
    provider_type: row.provider_type,
    api_base: row.api_base,
    api_key_preview: row.api_key_preview,
    model_mapping: row.model_mapping,
    weight: row.weight,
    provider_params: row.provider_params,
    is_enabled: row.is_enabled,
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}

/** Prints a table of providers for people. */
export function printProviders(
  rows: readonly ShownProvider[],
  stateOf: (row: ShownProvider) => string,
): void {
  if (rows.length === 0) note('no providers yet; add one: llmproxy provider add --help');
  else {
    printTable(rows, [
      { header: 'PROVIDER', value: (row) => row.provider_key, shrinkTo: 16, isName: true },
      { header: 'STATUS', value: (row) => stateOf(row).replaceAll('_', ' ') },
      { header: 'WEIGHT', value: (row) => String(row.weight), align: 'right' },
      { header: 'API BASE', value: (row) => row.api_base, shrinkTo: 16 },
      { header: 'MODELS', value: models, shrinkTo: 8 },
    ]);
  }
}

/** Prints everything about one provider, except secrets, for people. */
export function printProvider(row: ShownProvider): void {
  const mapping = Object.entries(row.model_mapping);
  const params = Object.keys(row.provider_params).length > 0;
  printFields([
    ['provider', row.provider_key],
    ['id', String(row.id)],
    ['status', row.is_enabled ? 'enabled' : `disabled: ${enabling(row.provider_key)}`],
    ['type', row.provider_type],
    ['api base', row.api_base],
    ['api key', row.api_key_preview],
    ['weight', row.weight === 0 ? '0 (failover only)' : String(row.weight)],
    ...(mapping.length === 0
      ? [['models', 'all, under their own names'] as const]
      : mapping.map(
          ([from, to], index) => [index === 0 ? 'models' : '', `${from} -> ${to}`] as const,
        )),
    ...(params ? [['params', JSON.stringify(row.provider_params)] as const] : []),
    ['created', localTime(row.created_at)],
    ['updated', localTime(row.updated_at)],
  ]);
}

/** The command that ends a provider's being disabled. */
export function enabling(provider: string): string {
  return `llmproxy provider enable ${provider}`;
}

function models({ model_mapping }: ShownProvider): string {
  return Object.keys(model_mapping).join(', ') || 'all';
}
