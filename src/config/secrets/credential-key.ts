import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const prefix = 'sk-llmp-';
const randomLength = 42;
const checksumLength = 6;
const generated = new RegExp(
  `^${prefix}([0-9A-Za-z]{${randomLength}})([0-9A-Za-z]{${checksumLength}})$`,
);

/** A shorter key can be guessed from its hash. */
export const minKeyLength = 24;
export const maxKeyLength = 512;
/** Minimum for old keys, where explicitly allowed. */
export const minOldKeyLength = 8;

/** Printable ASCII without surrounding spaces, which an HTTP header carries unchanged. */
export const keyPattern = '^[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?$';

/**
 * A new client key: `sk-llmp-`, 42 random base62 characters (250 bits), and a checksum of six, by
 * which secret scanners recognize real keys.
 */
export function generateKey(): string {
  let text = '';
  while (text.length < randomLength) {
    for (const byte of randomBytes(randomLength)) {
      // 248 is the largest multiple of 62 in a byte: larger bytes would favour some characters.
      if (byte < 248 && text.length < randomLength) text += alphabet[byte % 62];
    }
  }
  return prefix + text + checksum(text);
}

/** True for a key that has the form of a generated one but the wrong checksum: mistyped or cut. */
export function isMistyped(key: string): boolean {
  if (!key.startsWith(prefix)) return false;
  const [, random = '', sum] = generated.exec(key) ?? [];
  return checksum(random) !== sum;
}

/**
 * The reason to refuse a new key of this form, or null.
 * @param flag the name of the option that allows a short key.
 */
export function newKeyProblem(key: string, allowShort: boolean, flag: string): string | null {
  if (isMistyped(key)) return `begins with ${prefix} but its checksum is wrong: it was mistyped`;
  if (key.length >= minKeyLength || allowShort) return null;
  return `must have ${minKeyLength} characters or more, so that it cannot be guessed; to take over an old one, say ${flag}`;
}

/** SHA-256 of a client key in lower-case hex, as stored in `credentials`. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex');
}

/**
 * Masks a secret for display: `sk-…abcd`. Below 20 characters only the last four are shown, below
 * 12 none, so that the hidden part cannot be guessed.
 */
export function previewKey(key: string): string {
  if (key.length < 12) return '…';
  const end = `…${key.slice(-4)}`;
  return key.length < 20 ? end : key.slice(0, 3) + end;
}

/** Previews of all texts in a value: a parameter may hold a token. */
export function previewTexts(value: unknown): unknown {
  if (typeof value === 'string') return previewKey(value);
  if (Array.isArray(value)) return value.map(previewTexts);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, previewTexts(each)]),
  );
}

/** CRC-32 in base62, most significant digit first. */
function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let place = 0; place < checksumLength; place++) {
    digits = alphabet[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}
