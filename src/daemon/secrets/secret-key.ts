import { randomUUID } from 'node:crypto';
import {
  access,
  constants,
  link,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  formatSecretKey,
  generateSecretKey,
  type KeyRing,
  parseKeyRing,
  type SecretKey,
} from '../../config/secrets/secret-cipher.js';
import type { Settings } from '../../config/settings/settings-types.js';

/** The keys of this machine, and where they were found. */
export interface LoadedKeys {
  ring: KeyRing;
  /** In words, for people: a file, or the variable. */
  source: string;
  /** The file to write new keys to; null where we cannot change the source. */
  file: string | null;
}

/** The settings that say where the keys are. */
export interface KeySettings extends Pick<Settings, 'data_dir'> {
  secrets: Pick<Settings['secrets'], 'key' | 'key_file'>;
}

const variable = 'LLMPROXY_SECRET_KEY';
const credentialName = 'secret_key';
const readBefore = new Map<string, string>();

/**
 * Loads the keys that secrets are encrypted under: from `LLMPROXY_SECRET_KEY`, the file of
 * `secrets.key_file`, systemd's credential `secret_key`, or a file in the data directory.
 * @param make whether a missing file is created; else there is no key then.
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
    const isOurs = await access(dirname(file), constants.W_OK).then(
      () => true,
      () => false,
    );
    return { ring: parsed(file, text), source: file, file: isOurs ? file : null };
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

/**
 * Reads, as root, the secret files outside of the data directory in advance: the owner of that
 * directory, as whom the process continues, often cannot read them.
 */
export async function readAsRoot(
  { secrets }: KeySettings,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const folder = environment.CREDENTIALS_DIRECTORY;
  for (const file of [secrets.key_file, folder ? join(folder, credentialName) : null]) {
    const text = file === null ? null : await readIfThere(file).catch(() => null);
    if (file !== null && text !== null) readBefore.set(file, text);
  }
}

/** The file of the key that the first use of a data directory generates. */
function generatedFile(dataDir: string): string {
  return join(dataDir, 'secret-key');
}

/** Replaces the keys of a file. */
export async function writeSecretKeys(file: string, ring: KeyRing): Promise<void> {
  await replaceText(file, formatRing(ring));
}

/** Replaces the text of a file atomically, with the same owner and mode. */
export async function replaceText(file: string, text: string): Promise<void> {
  const { uid, gid, mode } = await stat(file);
  const temporary = `${file}.${randomUUID()}`;
  const handle = await open(temporary, 'wx', mode & 0o777);
  try {
    // By its handle: another user may own the directory and put a link there meanwhile.
    if (process.getuid?.() === 0) await handle.chown(uid, gid);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}

/** First use of a data directory. */
async function generate(file: string, dataDir: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o755 : 0o700 });
  await createText(file, formatRing([generateSecretKey()]));
  return await readFile(file, 'utf8');
}

/**
 * Creates a file that only its owner can read, whole or not at all. Of two concurrent processes, only one
 * creates it.
 * @returns false if it exists.
 */
export async function createText(file: string, text: string): Promise<boolean> {
  const temporary = `${file}.${randomUUID()}`;
  try {
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx', flush: true });
    await link(temporary, file);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(temporary, { force: true });
  }
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
    const before = codeOf(error) === 'EACCES' ? readBefore.get(file) : undefined;
    if (before !== undefined) return before;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
