import { formatSecretKey, parseKeyRing } from '../../config/secrets/secret-cipher.js';
import type { Settings } from '../../config/settings/settings-types.js';
import type { MachineKeys } from './machine-keys.js';

/** The settings that hold secrets of the gateway itself. */
export interface OwnSettings
  extends Pick<Settings, 'upstream'>,
    Partial<Pick<Settings, 'admin' | 'console' | 'fleet'>> {
  database?: Pick<Settings['database'], 'url' | 'listen_url'>;
}

/** Minimum length of a secret that is searched for within other texts. */
const longText = 16;

/**
 * True if a value is, or contains, a secret of the gateway itself, which no provider may be sent.
 * Compares the value, whatever the file or variable is called, and looks inside larger texts.
 */
export function isOwnSecret(value: string, settings: OwnSettings, keys: MachineKeys): boolean {
  const { admin, console, database, fleet, upstream } = settings;
  const { https_proxy, http_proxy } = upstream;
  const servers = [database?.url, database?.listen_url, fleet?.valkey_url];
  const urls = [...servers, https_proxy, http_proxy].filter(isText);
  const adminKeys = [admin?.key, ...(admin?.keys ?? []).map(({ key }) => key)];
  const others = [...adminKeys, console?.oidc.client_secret].filter(isText);
  const own = [...urls, ...urls.map(passwordIn), ...others, ...keys.ring.map(formatSecretKey)];
  if (own.some((each) => each.length >= longText && value.includes(each))) return true;
  // The only line of a file of variables; a key in base64 may look like one, too.
  const bare = value.replace(/^\w+=(["']?)(.*)\1$/, '$2');
  return [value, bare].some((each) => own.includes(each) || isRing(each, keys));
}

function isRing(text: string, keys: MachineKeys): boolean {
  try {
    return parseKeyRing(text).some(({ id }) => keys.find(id) !== undefined);
  } catch {
    return false;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function passwordIn(url: string): string {
  try {
    return decodeURIComponent(new URL(url).password);
  } catch {
    return '';
  }
}
