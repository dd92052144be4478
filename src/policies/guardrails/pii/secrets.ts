import type { Match } from '../match.js';
import { eachLabelledSecret } from './passwords.js';
import { eachIssued, eachPrivateKey } from './secret-forms.js';

/** The user's password in a URL. */
const urlPassword = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@]{0,100}:([^\s/@]{3,200})@/gi;

/** A value that the text labels as a secret. */
const assigned =
  /(?:key|token|secret|passw(?:or)?d|pwd|passphrase|credentials?|bearer|basic|authorization)["'`]?(?: is)?\s{0,3}(?:[:=]|=>|\s)\s{0,3}["'`]?([A-Za-z0-9_+/=.~!@#$%^&*-]{12,200})/gi;
/** A long text without spaces that looks random. */
const token = /(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{32,128}={0,2}(?![A-Za-z0-9+/=_-])/g;

/** Shorter words have no issued form, and are not searched for each of them. */
const longWord = /[A-Za-z0-9_.:/~+=-]{15}/;

/** Minimum entropy, in bits per character, of a labelled value and of an unlabelled one. */
const minAssignedEntropy = 3.2;
const minTokenEntropy = 4.3;

/** Keys and tokens: in a published form, or random text that is labelled or long. */
export function secretsIn(text: string): Match[] {
  const found: Match[] = [];
  const add = (start: number, end: number) => found.push({ start, end, name: 'secret' });
  const hasLongWord = longWord.test(text);
  if (hasLongWord) eachIssued(text, add);
  eachPrivateKey(text, add);
  eachLabelledSecret(text, add);
  for (const match of text.matchAll(urlPassword)) {
    const [url, password = ''] = match;
    const end = match.index + url.length - 1;
    add(end - password.length, end);
  }
  for (const match of text.matchAll(assigned)) {
    const [all, value = ''] = match;
    const isRandom = /\d/.test(value) && /[A-Za-z]/.test(value);
    if (isRandom && !isName(value) && entropyOf(value) >= minAssignedEntropy) {
      const start = match.index + all.length - value.length;
      add(start, start + value.replace(/[.!]+$/, '').length);
    }
  }
  if (!hasLongWord) return found;
  for (const { 0: value, index } of text.matchAll(token)) {
    if (isContent(text, index)) continue;
    const isMixed = /\d/.test(value) && /[a-z]/.test(value) && /[A-Z]/.test(value);
    if (isMixed && !isName(value) && entropyOf(value) >= minTokenEntropy) {
      add(index, index + value.length);
    }
  }
  return found;
}

/** True for the digest of subresource integrity, and for the data of a URL. */
function isContent(text: string, at: number): boolean {
  return (
    /^sha(?:1|256|384|512)-/.test(text.slice(at, at + 7)) || text.slice(at - 7, at) === 'base64,'
  );
}

/** Not a secret: a path, a file name, a UUID, or joined words. */
function isName(value: string): boolean {
  if (/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(value)) return true;
  const words = value
    .split(/[/_.-]+/)
    .filter((word) => /^(?:[A-Za-z]?[a-z]*|\d{1,8}|[A-Z]+)$/.test(word));
  return words.join('').length > value.length * 0.6;
}

/** Shannon entropy of the characters, in bits per character. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values())
    bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
