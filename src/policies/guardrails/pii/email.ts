import type { Match } from '../match.js';

/** In scripts without spaces, letters would include the whole sentence. */
export const localChar = /(?![\u2000-\uffff])[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]/u;
const domainChar = /(?![\u2000-\uffff])[\p{L}\p{N}.-]/u;
const label = /^[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?$/u;
const topLabel = /^(?:\p{L}{2,24}|xn--[a-z0-9-]{1,59})$/iu;
/** Ends of names such as `logo@2x.png` and `getty@tty1.service`; no domain of the top level. */
const fileType =
  /^(?:png|jpe?g|gif|svg|webp|avif|ico|pdf|css|scss|jsx?|mjs|tsx?|json|html?|xml|ya?ml|toml|txt|csv|log|conf|service|timer|socket|mount)$/i;
const maxLocal = 64;
const maxDomain = 253;
export const maxAddress = maxLocal + 1 + maxDomain;

/** E-mail addresses (RFC 5321) of domains with at least two labels. */
export function emailsIn(text: string): Match[] {
  const found: Match[] = [];
  for (let sign = text.indexOf('@'); sign >= 0; sign = text.indexOf('@', sign + 1)) {
    let start = sign;
    while (start > 0 && sign - start < maxLocal && localChar.test(text[start - 1] as string))
      start--;
    while (start < sign && /[.!#$%&'*/=?^`{|}~]/.test(text[start] as string)) start++;
    let end = sign + 1;
    while (end < text.length && end - sign <= maxDomain && domainChar.test(text[end] as string)) {
      end++;
    }
    while (end > sign + 1 && /[.-]/.test(text[end - 1] as string)) end--;
    if (start === sign || text[sign - 1] === '.' || isAccount(text, start, sign)) continue;
    const labels = text.slice(sign + 1, end).split('.');
    // A sentence that follows without a space is not part of the address.
    while (labels.length > 2 && !topLabel.test(labels.at(-1) ?? '')) {
      end -= (labels.pop() ?? '').length + 1;
    }
    const top = labels.at(-1) ?? '';
    if (labels.length < 2 || !topLabel.test(top) || fileType.test(top)) continue;
    if (labels.every((each) => label.test(each))) found.push({ start, end, name: 'email' });
  }
  return found;
}

/** True for the account of a URL, and for that of a repository. */
function isAccount(text: string, start: number, sign: number): boolean {
  return text.slice(start - 3, start) === '://' || text.slice(start, sign) === 'git';
}
