import { timePattern } from './rows/time-pattern.js';

/** The patterns of schemas in words, which follow `must be`. */
const words: ReadonlyMap<string, string> = new Map([
  ['^(?!\\d+$)[^\\u0000-\\u001f\\u007f]+$', 'not only digits, and have no control characters'],
  [
    '^(?!(?:\\d+|none)$)[^\\u0000-\\u001f\\u007f]+$',
    'neither "none" nor only digits, and have no control characters',
  ],
  [
    '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
    'at most 64 letters, digits, dots, - and _, the first a letter or digit',
  ],
  ['^[a-z][a-z0-9_]{0,23}$', 'at most 24 of a-z, 0-9 and _, the first a letter'],
  ['^https?://[^\\s]+$', 'a URL that begins with http:// or https://'],
  [
    '^https?://[^\\s?#@/]+(?:/[^\\s?#]*)?$',
    'a URL that begins with http:// or https://, without a user, password or query',
  ],
  [
    '^https?://[^/?#@]+([/?][^#]*)?$',
    'a URL that begins with http:// or https://, without a user or password',
  ],
  [
    '^(valkeys?|rediss?)://.',
    'a URL that begins with valkey://, valkeys://, redis:// or rediss://',
  ],
  ['^https?://[^\\s@]+$', 'a URL that begins with http:// or https://, without a user or password'],
  [
    '^https?://[^\\s?#@/]+(?:/[^\\s?#@]*)?$',
    'a URL that begins with http:// or https://, without a user, password or query',
  ],
  ['^(?:env:|file:/).+$', 'a reference to a secret: env:NAME or file:/path'],
  ['^/', 'an absolute path'],
  [timePattern, 'a time such as 2026-01-31 or 2026-01-31T08:00Z'],
]);

/** The reason to refuse a text that does not match a pattern. */
export function patternReason(pattern: string): string {
  const known = words.get(pattern);
  return known === undefined ? `must match the pattern ${pattern}` : `must be ${known}`;
}
