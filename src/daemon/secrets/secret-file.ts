import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, type SecretReference } from '../../config/secrets/secret-reference.js';
import type { Settings } from '../../config/settings/settings-types.js';

/** The settings that name files of the gateway's own secrets. */
export interface FileSettings extends Pick<Settings, 'data_dir'> {
  secrets: Pick<Settings['secrets'], 'key_file'>;
}

const maxFileBytes = 65_536;
/** Files of the data directory and systemd's credentials, which no provider may be sent. */
const ownNames = [
  ...['secret-key', 'admin-key', 'last-good', 'postgres/passwords'],
  ...['secret_key', 'admin_key', 'db_url', 'valkey_url', 'oidc_client_secret'],
];

/**
 * The value that a reference stands for.
 * @throws Error with the reason, as the end of a sentence; it quotes no value.
 */
export async function readReference(
  reference: SecretReference,
  settings: FileSettings,
): Promise<string> {
  const { kind } = reference;
  const found =
    kind === 'env' ? process.env[reference.name] : await readSecretFile(reference.path, settings);
  const name = kind === 'env' ? `the variable ${reference.name}` : reference.path;
  const value = (found ?? '').trim();
  if (value === '') throw new Error(`refers to ${name}, which is ${found ? 'empty' : 'not set'}`);
  if (isJsonObject(value)) return value;
  if (/[^\x21-\x7e]/.test(value)) {
    throw new Error(`refers to ${name}, which is not one line of printable ASCII without spaces`);
  }
  return value;
}

/**
 * @returns the text of a file that is no secret of the gateway's own.
 * @throws Error with the reason, as the end of a sentence.
 */
export async function readSecretFile(
  path: string,
  { secrets, data_dir }: FileSettings,
): Promise<string> {
  try {
    const [target, ...own] = await Promise.all([
      realpath(path),
      ...ownFiles(secrets.key_file, data_dir).map((file) => realpath(file).catch(() => null)),
    ]);
    if (own.includes(target)) throw new Error('is a secret of the gateway');
    const { size } = await fileStatus(target);
    if (size > maxFileBytes) throw new Error(`is larger than ${maxFileBytes} bytes`);
    return await readFile(target, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    const why = code ?? (error instanceof Error ? error.message : String(error));
    throw new Error(`refers to ${path}, which cannot be read: ${why}`);
  }
}

/** Reading a pipe could block for ever. */
async function fileStatus(path: string) {
  const status = await stat(path);
  if (!status.isFile()) throw new Error('is not a file');
  return status;
}

function ownFiles(keyFile: string | null, dataDir: string): string[] {
  const folders = [dataDir, process.env.CREDENTIALS_DIRECTORY ?? dataDir];
  const files = folders.flatMap((folder) => ownNames.map((name) => join(folder, name)));
  return keyFile === null ? files : [...files, keyFile];
}
