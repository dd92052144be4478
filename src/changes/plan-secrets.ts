import type { Provider } from '../config/configuration.js';
import type { Change, PlanProblem } from '../config/documents/change.js';
import { isReference, type StoredRow } from '../config/documents/document.js';
import {
  keep,
  type WrittenDocument,
  type WrittenProvider,
} from '../config/documents/document-schema.js';
import { secretParamsOf, withSecretParams } from '../config/secrets/secret-columns.js';
import { type SecretColumns, SecretError } from '../config/secrets/secret-store.js';
import type { Sql } from '../db/client.js';
import type { ChangeSecrets } from './change-control.js';
import { type AllowedSecrets, refusedReference, refusedSecrets } from './refused-secrets.js';

/**
 * The secrets of a document that an admin key may not write.
 * @param rows of providers. @param stored of guardrails.
 */
export function refusedIn(
  { providers, guardrails }: WrittenDocument,
  rows: ReadonlyMap<string, StoredRow>,
  stored: readonly StoredRow[],
  allowed: AllowedSecrets,
): PlanProblem[] {
  const known = new Map(stored.map((row) => [row.name, row]));
  const ofGuardrails = Object.entries(guardrails ?? {}).flatMap(([name, fields]) => {
    const reason = refusedReference(known.get(name) ?? null, fields, allowed);
    return reason === null ? [] : [{ path: `guardrails.${name}.config.secret`, reason }];
  });
  const ofProviders = Object.entries(providers ?? {}).flatMap(([name, fields]) => {
    const row = rows.get(name);
    const refused = refusedSecrets(row ? secretColumns(row) : null, fields, allowed);
    return refused.map(({ field, reason }) => ({ path: `providers.${name}.${field}`, reason }));
  });
  return [...ofProviders, ...ofGuardrails];
}

/** Replaces secrets equal to the stored ones by `keep`: encrypted again, they would look changed. */
export function withKept(
  document: WrittenDocument,
  rows: ReadonlyMap<string, StoredRow>,
  secrets: ChangeSecrets,
): WrittenDocument {
  if (!document.providers) return document;
  const kept = (name: string, fields: WrittenProvider): WrittenProvider => {
    const row = rows.get(name);
    const { api_key, provider_params = {} } = fields;
    const params = secretParamsOf({ provider_params });
    if (!row || (api_key === undefined && params.size === 0)) return fields;
    const stored = decrypted(row, secrets);
    if (stored === null) return fields;
    const storedParams = secretParamsOf(stored);
    const keptParams = [...params].map(
      ([path, value]) => [path, value === storedParams.get(path) ? keep : value] as const,
    );
    return {
      ...fields,
      ...(api_key === stored.api_key && !isReference(api_key) && { api_key: keep }),
      ...(params.size > 0 && {
        provider_params: withSecretParams({ provider_params }, new Map(keptParams)),
      }),
    };
  };
  const entries = Object.entries(document.providers);
  const providers = Object.fromEntries(entries.map(([name, each]) => [name, kept(name, each)]));
  return { ...document, providers };
}

/** The enabled providers whose secrets cannot be used on this machine. */
export async function secretless(
  providers: readonly Provider[],
  secrets: ChangeSecrets,
): Promise<Set<Provider>> {
  const found = new Set<Provider>();
  for (const provider of new Set(providers)) {
    if (!provider.is_enabled) continue;
    await secrets.checkReadable(provider).catch((error: unknown) => {
      if (!(error instanceof SecretError)) throw error;
      found.add(provider);
    });
  }
  return found;
}

/** Null where a secret does not decrypt. */
function decrypted(row: StoredRow, secrets: ChangeSecrets): SecretColumns | null {
  try {
    return secrets.decrypt(secretColumns(row));
  } catch {
    return null;
  }
}

/** Encrypts the secrets in a provider's change for storage. */
export async function sealed(sql: Sql, change: Change, secrets: ChangeSecrets): Promise<Change> {
  const { kind, before, after } = change;
  if (kind !== 'provider' || after === null) return change;
  const row = secretColumns(after);
  const stored = before
    ? await secrets.sealChange(sql, secretColumns(before), row)
    : await secrets.seal(sql, row);
  return { ...change, after: { ...after, ...stored } };
}

function secretColumns(row: Readonly<Record<string, unknown>>): SecretColumns {
  const { provider_key, api_base, api_key, provider_params } = row;
  return {
    provider_key: String(provider_key),
    api_base: String(api_base),
    api_key: String(api_key),
    provider_params: provider_params instanceof Object ? provider_params : {},
  };
}
