import { isSealed, type SecretKey, seal, sealedUnder } from '../config/secret-cipher.js';
import { isReference } from '../config/secret-reference.js';
import type { Sql } from '../db/client.js';
import { historySecrets, resealHistory } from '../db/queries/history-secrets.js';
import { listProviders } from '../db/queries/list-providers.js';
import { type Resealed, resealProviders } from '../db/queries/reseal-providers.js';
import { placeOf, type Secrets } from './secrets.js';

/** Rows that are changed in one statement. */
const batchRows = 500;

/** What was encrypted anew, and what could not be. */
export interface ResealResult {
  providers: number;
  /** Keys of earlier versions of the configuration. */
  history: number;
  /** Providers whose keys do not decrypt, so that they were left as they are. */
  unusable: { provider: string; reason: string }[];
}

/**
 * Encrypts all keys of the database under this key that are in the clear or under another one,
 * batch by batch: one that was interrupted goes on where it ended. Keys that somebody changes
 * meanwhile are left as they are changed.
 * @param onProgress how many providers of how many are done.
 */
export async function reseal(
  sql: Sql,
  secrets: Secrets,
  key: SecretKey,
  onProgress: (done: number, of: number) => void = () => {},
): Promise<ResealResult> {
  const result: ResealResult = { providers: 0, history: 0, unusable: [] };
  const rows = (await listProviders(sql)).filter(({ api_key }) => isDue(api_key, key));
  for (let start = 0; start < rows.length; start += batchRows) {
    const batch: Resealed[] = [];
    for (const { id, provider_key, api_key } of rows.slice(start, start + batchRows)) {
      try {
        const clear = await secrets.reveal(provider_key, api_key);
        batch.push({ id, stored: api_key, sealed: seal(clear, key, placeOf(provider_key)) });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        result.unusable.push({ provider: provider_key, reason });
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
    const batch = [];
    for (const row of found.filter(({ api_key }) => isDue(api_key, key))) {
      const clear = await secrets.reveal(row.provider_key, row.api_key).catch(() => null);
      if (clear !== null)
        batch.push({ ...row, sealed: seal(clear, key, placeOf(row.provider_key)) });
    }
    if (batch.length > 0) await resealHistory(sql, batch);
    count += batch.length;
  }
}

function isDue(stored: string, key: SecretKey): boolean {
  if (isReference(stored)) return false;
  return !isSealed(stored) || sealedUnder(stored) !== key.id;
}
