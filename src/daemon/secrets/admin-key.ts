import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AdminKey } from '../../admin/access/authenticate.js';
import { hashKey } from '../../config/secrets/credential-key.js';
import type { AdminKeySetting } from '../../config/settings/settings-types.js';

/**
 * The admin key: the configured one, else one generated at the first start and kept in the data
 * directory, readable by its owner only.
 * @returns `generatedIn`: the file, if this call created it.
 */
export async function adminKey(
  set: string | null,
  dataDir: string,
): Promise<{ key: string; generatedIn: string | null }> {
  if (set !== null) return { key: set, generatedIn: null };
  const file = join(dataDir, 'admin-key');
  try {
    return { key: (await readFile(file, 'utf8')).trim(), generatedIn: null };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const key = `admin-${randomBytes(24).toString('base64url')}`;
  await writeFile(file, `${key}\n`, { mode: 0o600, flag: 'wx' });
  return { key, generatedIn: file };
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
