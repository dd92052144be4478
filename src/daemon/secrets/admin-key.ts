import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AdminKey } from '../../admin/access/authenticate.js';
import { hashKey, minOldKeyLength } from '../../config/secrets/credential-key.js';
import type { AdminKeySetting } from '../../config/settings/settings-types.js';
import { createText } from './secret-key.js';

/**
 * The admin key: the configured one, else one generated at the first start and kept in the data
 * directory, readable by its owner only.
 * @returns `generatedIn`: the file, if this call created it.
 * @throws Error naming a file that holds no key.
 */
export async function adminKey(
  set: string | null,
  dataDir: string,
): Promise<{ key: string; generatedIn: string | null }> {
  if (set !== null) return { key: set, generatedIn: null };
  const file = join(dataDir, 'admin-key');
  const made = `admin-${randomBytes(24).toString('base64url')}\n`;
  const isMade = !existsSync(file) && (await createText(file, made));
  const key = (await readFile(file, 'utf8')).trim();
  // A full disk can leave a file empty, and an empty key would let everybody in.
  if (key.length < minOldKeyLength) {
    throw new Error(`${file} holds no key of ${minOldKeyLength} characters or more: remove it`);
  }
  return { key, generatedIn: isMade ? file : null };
}

/** The admin key and the further ones that the settings name. */
export function namedAdminKeys(key: string, further: readonly AdminKeySetting[]): AdminKey[] {
  const named = further.map(
    ({ name, role, key: own = '', key_sha256 = hashKey(own), expires_at }) => ({
      ...{ name, role, sha256: key_sha256 },
      expiresAt: expires_at === undefined ? null : Date.parse(expires_at),
    }),
  );
  return [{ name: 'admin', role: 'admin', sha256: hashKey(key), expiresAt: null }, ...named];
}
