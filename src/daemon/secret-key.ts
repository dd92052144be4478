import { randomUUID } from 'node:crypto';
import { chown, link, mkdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  formatSecretKey,
  generateSecretKey,
  type KeyRing,
  parseKeyRing,
  type SecretKey,
} from '../config/secret-cipher.js';
import type { Settings } from '../config/settings-schema.js';

/** The keys of this machine, and where they were found. */
export interface LoadedKeys {
  ring: KeyRing;
  /** In words, for people: a file, or the variable. */
  source: string;
  /** The file to write new keys to; null where we cannot change the source. */
  file: string | null;
}

interface KeySettings extends Pick<Settings, 'data_dir'> {
  secrets: Pick<Settings['secrets'], 'key' | 'key_file'>;
}

const variable = 'LLMPROXY_SECRET_KEY';
const credentialName = 'secret_key';

/**
 * The keys that secrets are encrypted under: from `LLMPROXY_SECRET_KEY`, the file that
 * `secrets.key_file` names, systemd's credential `secret_key`, or a file in the data directory.
 * @param make whether that file is made when it is missing; else there is no key then.
 * @throws Error naming the source, without anything of the keys.
 */
export async function loadSecretKeys(
  { secrets, data_dir }: KeySettings,
  make: boolean,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<LoadedKeys> {
  if (secrets.key !== null) {
    return { ring: parsed(variable, secrets.key), source: variable, file: null };
  }
  if (secrets.key_file !== null) {
    const file = secrets.key_file;
    const text = await readIfThere(file);
    if (text === null) throw new Error(`${file}, which secrets.key_file names, does not exist`);
    return { ring: parsed(file, text), source: file, file };
  }
  const credentials = environment.CREDENTIALS_DIRECTORY;
  const handed = credentials ? await readIfThere(join(credentials, credentialName)) : null;
  if (handed !== null) {
    const source = `credential ${credentialName}`;
    return { ring: parsed(source, handed), source, file: null };
  }
  const file = generatedFile(data_dir);
  const text = (await readIfThere(file)) ?? (make ? await generate(file, data_dir) : null);
  return { ring: text === null ? [] : parsed(file, text), source: file, file };
}

/** Where the key is kept that the first use of a data directory makes. */
export function generatedFile(dataDir: string): string {
  return join(dataDir, 'secret-key');
}

/** Replaces the keys of a file, at once and with the same owner and mode. */
export async function writeSecretKeys(file: string, ring: KeyRing): Promise<void> {
  const { uid, gid, mode } = await stat(file);
  const temporary = `${file}.${randomUUID()}`;
  await writeFile(temporary, formatRing(ring), { mode: mode & 0o777, flush: true });
  if (process.getuid?.() === 0) await chown(temporary, uid, gid);
  await rename(temporary, file);
}

/** The first use of a data directory: of two processes that come at once, one makes the file. */
async function generate(file: string, dataDir: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o755 : 0o700 });
  const temporary = `${file}.${randomUUID()}`;
  await writeFile(temporary, formatRing([generateSecretKey()]), { mode: 0o600, flush: true });
  // What root makes here, the daemon must be able to read.
  const { uid, gid } = await stat(dataDir);
  if (process.getuid?.() === 0) await chown(temporary, uid, gid);
  try {
    await link(temporary, file);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await unlink(temporary);
  }
  return await readFile(file, 'utf8');
}

function formatRing(ring: readonly SecretKey[]): string {
  return `${ring.map(formatSecretKey).join('\n')}\n`;
}

function parsed(source: string, text: string): KeyRing {
  try {
    return parseKeyRing(text);
  } catch (error) {
    throw new Error(`${source} ${error instanceof Error ? error.message : error}`);
  }
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
