import { providerTypes } from '../configuration.js';
import { credentialLabels, type StoredRow } from '../documents/document.js';
import type { WrittenCredential, WrittenProvider } from '../documents/document-schema.js';
import { providerProperties } from '../rows/provider-schema.js';
import type { Imported } from './imported.js';
import { asRecord } from './values.js';

/** Rows of the Python service's database, with any columns. */
export interface SeedRows {
  providers: readonly StoredRow[];
  credentials: readonly StoredRow[];
}

const knownParams = Object.keys(providerProperties.provider_params.properties);

/** Converts rows of the Python service. Keys stay valid because their hashes are the same. */
export function importSeed({ providers, credentials }: SeedRows): Imported {
  const notes: string[] = [];
  const labels = credentialLabels(credentials);
  return {
    providers: Object.fromEntries(
      providers.map((row) => [String(row.provider_key), providerOf(row, notes)]),
    ),
    credentials: Object.fromEntries(
      credentials.map((row) => [labels.get(row.id), credentialOf(row)]),
    ),
    notes,
    settings: {},
  };
}

function providerOf(row: StoredRow, notes: string[]): WrittenProvider {
  const name = String(row.provider_key);
  const params = Object.entries(asRecord(row.provider_params));
  const unknown = params.map(([param]) => param).filter((param) => !knownParams.includes(param));
  if (unknown.length > 0) {
    notes.push(`provider ${name}: without ${unknown.sort().join(', ')} of provider_params`);
  }
  const isKnown = providerTypes.some((type) => type === row.provider_type);
  if (row.provider_type && !isKnown) {
    notes.push(`provider ${name} is disabled: its type ${row.provider_type} is not known here`);
  }
  return {
    provider_type: (row.provider_type ?? 'openai') as WrittenProvider['provider_type'] & string,
    api_base: String(row.api_base).trim().replace(/\/+$/, ''),
    api_key: String(row.api_key),
    model_mapping: asRecord(row.model_mapping) as Record<string, string>,
    weight: Number(row.weight ?? 1),
    provider_params: Object.fromEntries(params.filter(([param]) => knownParams.includes(param))),
    is_enabled: row.is_enabled === true && (isKnown || !row.provider_type),
  };
}

function credentialOf(row: StoredRow): WrittenCredential {
  const models = Array.isArray(row.allowed_models) ? row.allowed_models.map(String) : [];
  return {
    credential_key: String(row.credential_key),
    name: String(row.name),
    // In the Python service, a missing or empty list allows every model.
    allowed_models: models.length > 0 ? models : ['*'],
    rate_limit: row.rate_limit == null ? null : Number(row.rate_limit),
    // The Python service refused a key without a value.
    is_enabled: row.is_enabled === true,
  };
}
