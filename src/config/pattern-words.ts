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
  ['^[0-9a-f]{64}$', '64 of 0-9 and a-f'],
  ["^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", 'the name of a header'],
  ["^[A-Za-z0-9!#$%&'+.^_`|~-]+\\*?$", 'the name of a header, or its beginning and *'],
  ['^[\\t\\x20-\\x7e]*$', 'printable ASCII'],
  ['^[\\x20-\\x7e]*$', 'printable ASCII'],
  ['^[\\x20-\\x7e]+$', 'printable ASCII, and not empty'],
  [
    '^[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?$',
    'printable ASCII, without spaces at its ends, and not empty',
  ],
  ['^[a-z0-9-]{1,32}$', 'at most 32 of a-z, 0-9 and -, and not empty'],
  ['^[A-Za-z0-9-]+$', 'letters, digits and -'],
  ['^[A-Za-z0-9-]{1,128}$', 'at most 128 letters, digits and -, and not empty'],
  ['^[A-Za-z0-9.-]{1,128}$', 'at most 128 letters, digits, dots and -, and not empty'],
  [
    '^[0-9A-Za-z][0-9A-Za-z.-]{0,63}$',
    'at most 64 letters, digits, dots and -, the first a letter or digit',
  ],
  [
    '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$',
    'at most 64 letters, digits, dots, @, - and _, the first a letter or digit',
  ],
  [
    '^[A-Za-z0-9][A-Za-z0-9.:-]{0,127}$',
    'at most 128 letters, digits, dots, colons and -, the first a letter or digit',
  ],
  ['^[A-Za-z0-9_*]+$', 'the name of an environment variable; * stands for any characters'],
  ['^arn:[A-Za-z0-9:/+=,.@_-]{1,2000}$', 'an ARN, such as arn:aws:iam::123456789012:role/name'],
  ['^(?:unix:/.+|.+:\\d{1,5})$', 'HOST:PORT, or unix: with an absolute path'],
  [
    '^(\\*|null|[a-z][a-z0-9+.-]*://[^/\\s*]+)$',
    'an origin such as https://example.com, null, or *',
  ],
  ['^(?:admin|operator|viewer|team:.{1,100})$', 'admin, operator, viewer, or team: with a name'],
  ['(?:^| )openid(?: |$)', 'scopes separated by spaces, with openid among them'],
  ['^([1-5]\\d\\d|[1-5]xx|error|retried)$', 'a status such as 429 or 5xx, error, or retried'],
  ['^[A-Za-z0-9._,-]+$', 'names of providers, separated by commas'],
  [
    '^(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z)_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$',
    'the next_cursor of a page',
  ],
]);

/** A list of fixed names: see `listPattern`. */
const list = /^\^\(\?:([\w|]+)\)\(\?:,\(\?:\1\)\)([*?])\$$/;

/** A pattern of a list of these names, separated by commas. @param most 2; null: any number. */
export function listPattern(names: readonly string[], most: 2 | null = null): string {
  const name = `(?:${names.join('|')})`;
  return `^${name}(?:,${name})${most === null ? '*' : '?'}$`;
}

/** The reason to refuse a text that does not match a pattern. */
export function patternReason(pattern: string): string {
  const [, names, more] = list.exec(pattern) ?? [];
  if (names !== undefined) {
    const many = more === '?' ? 'one or two' : 'one or more';
    return `must be ${many} of ${names.replaceAll('|', ', ')}, separated by commas`;
  }
  const known = words.get(pattern);
  return known === undefined ? `must match the pattern ${pattern}` : `must be ${known}`;
}
