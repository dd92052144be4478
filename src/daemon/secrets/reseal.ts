import { type SecretKey, type SecretPlace, seal } from '../../config/secrets/secret-cipher.js';
import {
  keyPlace,
  paramPlace,
  secretParamsOf,
  withSecretParams,
} from '../../config/secrets/secret-columns.js';
import { isReference } from '../../config/secrets/secret-reference.js';
import type { SecretColumns, StoredSecrets } from '../../config/secrets/secret-store.js';
import type { Sql } from '../../db/client.js';
import { historySecrets, resealHistory } from '../../db/queries/configuration/history-secrets.js';
import { listProviders } from '../../db/queries/providers/list-providers.js';
import { resealProviders } from '../../db/queries/providers/reseal-providers.js';
import type { Secrets } from './secrets.js';

/** Rows that are changed in one statement. */
const batchRows = 500;

/** Numbers of encrypted secrets, and the secrets that could not be encrypted. */
export interface ResealResult {
  providers: number;
  /** Rows of earlier versions of the configuration. */
  history: number;
  /** Providers with a secret that does not decrypt, so that they were left as they are. */
  unusable: { provider: string; reason: string }[];
}

/**
 * Encrypts all secrets of the database under this key that are in the clear, under another key, or
 * not bound to the origin of their provider. Works in batches: the next call completes an
 * interrupted one. Rows changed concurrently are skipped.
 * @param onProgress number of providers done, and their total.
 */
export async function reseal(
  sql: Sql,
  secrets: Secrets,
  key: SecretKey,
  onProgress: (done: number, of: number) => void = () => {},
): Promise<ResealResult> {
  const result: ResealResult = { providers: 0, history: 0, unusable: [] };
  const rows = (await listProviders(sql)).filter((row) => isDue(secrets, row, key));
  for (let start = 0; start < rows.length; start += batchRows) {
    const batch = [];
    for (const row of rows.slice(start, start + batchRows)) {
      try {
        batch.push({ row, sealed: resealed(secrets, row, key) });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        result.unusable.push({ provider: row.provider_key, reason });
      }
    }
    if (batch.length > 0) result.providers += await resealProviders(sql, batch);
    onProgress(Math.min(start + batchRows, rows.length), rows.length);
  }
  result.history = await resealAllHistory(sql, secrets, key);
  return result;
}

/** After the rows themselves, whose change is a version as well. */
async function resealAllHistory(sql: Sql, secrets: Secrets, key: SecretKey): Promise<number> {
  let count = 0;
  let lastId = 0;
  for (;;) {
    const found = await historySecrets(sql, lastId, batchRows);
    const last = found.at(-1);
    if (!last) return count;
    lastId = last.id;
    const batch = found
      .filter((row) => isDue(secrets, row, key))
      .flatMap((row) => {
        try {
          return [{ id: row.id, side: row.side, sealed: resealed(secrets, row, key) }];
        } catch {
          return [];
        }
      });
    if (batch.length > 0) await resealHistory(sql, batch);
    count += batch.length;
  }
}

function isDue(secrets: Secrets, row: SecretColumns, key: SecretKey): boolean {
  const isOld = (stored: string, place: SecretPlace) => !secrets.isCurrent(stored, key, place);
  if (!isReference(row.api_key) && isOld(row.api_key, keyPlace(row))) return true;
  return [...secretParamsOf(row)].some(([name, value]) => isOld(value, paramPlace(row, name)));
}

/** @throws SecretError when one of its secrets does not decrypt. */
function resealed(secrets: Secrets, row: SecretColumns, key: SecretKey): StoredSecrets {
  const { api_key, provider_params } = secrets.decrypt(row);
  const params = [...secretParamsOf({ provider_params })].map(
    ([name, value]) => [name, seal(value, key, paramPlace(row, name))] as const,
  );
  return {
    api_key: isReference(api_key) ? api_key : seal(api_key, key, keyPlace(row)),
    provider_params: withSecretParams(row, new Map(params)),
  };
}
