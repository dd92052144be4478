import { formatSecretKey, parseKeyRing } from '../../config/secrets/secret-cipher.js';
import { type SomeSettings, secretTexts } from '../../config/settings/secret-settings.js';
import type { Settings } from '../../config/settings/settings-types.js';
import { headerValue } from './header-values.js';
import type { MachineKeys } from './machine-keys.js';
import type { KeySettings } from './secret-key.js';

/** The settings, all that hold secrets of the gateway itself included. */
export interface OwnSettings extends KeySettings, SomeSettings {
  data_dir: string;
  secrets: Pick<Settings['secrets'], 'key' | 'key_file'>;
  upstream: Settings['upstream'];
}

/** Minimum length of a secret that is searched for within other texts, and of a word of a header. */
const longText = 16;

/**
 * True if a value is, or contains, a secret of the gateway itself, which no provider may be sent.
 * Compares the value, whatever the file or variable is called, and looks inside larger texts.
 */
export async function isOwnSecret(
  value: string,
  settings: OwnSettings,
  keys: MachineKeys,
): Promise<boolean> {
  const texts = secretTexts(settings);
  const own = [
    ...texts,
    ...texts.map(passwordIn),
    ...(await headerSecrets(settings)),
    ...keys.ring.map(formatSecretKey),
  ];
  if (own.some((each) => isLong(each) && value.includes(each))) return true;
  // The only line of a file of variables; a key in base64 may look like one, too.
  const bare = value.replace(/^\w+=(["']?)(.*)\1$/, '$2');
  return [value, bare].some((each) => own.includes(each) || isRing(each, keys));
}

/** The values of the headers of exports, what references stand for, and the tokens in them. */
async function headerSecrets(settings: OwnSettings): Promise<string[]> {
  const { traces, usage } = settings;
  const headers = [traces?.headers, usage?.export?.headers];
  const given = headers.flatMap((each) => Object.values(each ?? {}));
  // One that cannot be read cannot be sent either.
  const values = await Promise.all(
    given.map((each) => headerValue(each, settings).catch(() => '')),
  );
  return [...values, ...values.flatMap((each) => each.split(' ')).filter(isLong)];
}

function isRing(text: string, keys: MachineKeys): boolean {
  try {
    return parseKeyRing(text).some(({ id }) => keys.find(id) !== undefined);
  } catch {
    return false;
  }
}

function isLong(text: string): boolean {
  return text.length >= longText;
}

function passwordIn(url: string): string {
  try {
    return decodeURIComponent(new URL(url).password);
  } catch {
    return '';
  }
}
