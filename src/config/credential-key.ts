import { createHash, randomBytes } from 'node:crypto';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const randomLength = 48;

/** A new client key: `sk-` and 48 random base62 characters (285 bits). */
export function generateKey(): string {
  let text = '';
  while (text.length < randomLength) {
    for (const byte of randomBytes(randomLength)) {
      // 248 is the largest multiple of 62 in a byte: a byte past it would favour some characters.
      if (byte < 248 && text.length < randomLength) text += alphabet[byte % 62];
    }
  }
  return `sk-${text}`;
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
