import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const prefix = 'sk-llmp-';
const randomLength = 42;
const checksumLength = 6;
const generated = new RegExp(
  `^${prefix}([0-9A-Za-z]{${randomLength}})([0-9A-Za-z]{${checksumLength}})$`,
);

/** A shorter key can be guessed by whoever has a copy of its hash. */
export const minKeyLength = 24;
export const maxKeyLength = 512;
/** What old keys may have, where that is said. */
export const minOldKeyLength = 8;

/** Printable ASCII without spaces around it: what arrives in an HTTP header as it was sent. */
export const keyPattern = '^[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?$';

/**
 * A new client key: `sk-llmp-`, 42 random base62 characters (250 bits), and six that are their
 * checksum, by which secret scanners tell a key from what only looks like one.
 */
export function generateKey(): string {
  let text = '';
  while (text.length < randomLength) {
    for (const byte of randomBytes(randomLength)) {
      // 248 is the largest multiple of 62 in a byte: a byte past it would favour some characters.
      if (byte < 248 && text.length < randomLength) text += alphabet[byte % 62];
    }
  }
  return prefix + text + checksum(text);
}

/** Whether a key looks like a generated one, but is none: it was mistyped or cut. */
export function isMistyped(key: string): boolean {
  if (!key.startsWith(prefix)) return false;
  const [, random = '', sum] = generated.exec(key) ?? [];
  return checksum(random) !== sum;
}

/**
 * Why a key of this form cannot be a new one, or null.
 * @param flag what allows a short one.
 */
export function newKeyProblem(key: string, allowShort: boolean, flag: string): string | null {
  if (isMistyped(key)) return `begins with ${prefix} but its checksum is wrong: it was mistyped`;
  if (key.length >= minKeyLength || allowShort) return null;
  return `must have ${minKeyLength} characters or more, so that it cannot be guessed; to take over an old one, say ${flag}`;
}

/** SHA-256 of a client key, lower-case hex: the form in which `credentials` keeps it. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex');
}

/**
 * What may be shown of a secret: `sk-…abcd`. Of fewer than 20 characters only the last four, of
 * fewer than 12 nothing, so that too much always stays hidden to be guessed.
 */
export function previewKey(key: string): string {
  if (key.length < 12) return '…';
  const end = `…${key.slice(-4)}`;
  return key.length < 20 ? end : key.slice(0, 3) + end;
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
