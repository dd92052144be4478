import type { Match } from '../match.js';

/** Forms of keys and tokens that their issuers have published. */
const forms: readonly RegExp[] = [
  /\bsk-(?:proj-|ant-|or-|svcacct-|admin-|llmp-)?[A-Za-z0-9_-]{20,200}/g,
  /\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,120}\b/g,
  /\bwhsec_[A-Za-z0-9+/=]{20,100}/g,
  /\bgh[pousr]_[A-Za-z0-9]{36,255}\b/g,
  /\bgithub_pat_[A-Za-z0-9_]{22,255}\b/g,
  /\bgl(?:pat|dt|rt|ptt|soat)-[A-Za-z0-9_-]{20,64}/g,
  /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b/g,
  /\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/g,
  /\bya29\.[A-Za-z0-9_-]{20,300}/g,
  /\bGOCSPX-[A-Za-z0-9_-]{28}(?![A-Za-z0-9_-])/g,
  /\bxox[abeoprs]-[A-Za-z0-9-]{10,250}/g,
  /\bxapp-\d-[A-Za-z0-9-]{10,250}/g,
  /\bhf_[A-Za-z0-9]{30,64}\b/g,
  /\bnpm_[A-Za-z0-9]{36}\b/g,
  /\bpypi-[A-Za-z0-9_-]{50,250}/g,
  /\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}/g,
  /\bkey-[0-9a-f]{32}\b/g,
  /\b(?:dop|doo|dor)_v1_[0-9a-f]{64}\b/g,
  /\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b/g,
  /\bsq0(?:atp|csp)-[A-Za-z0-9_-]{22,60}/g,
  /\b(?:gsk|xai|pplx|nvapi|r8|fw|tgp_v1|csk|lin_api|dckr_pat|pul|sbp|rnd|figd)[_-][A-Za-z0-9_-]{24,120}/g,
  /\bhv[sbr]\.[A-Za-z0-9_-]{20,250}/g,
  /\bdapi[0-9a-f]{32}\b/g,
  /\bAC[0-9a-f]{32}\b/g,
  /\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b/g,
  /\beyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{8,2000}/g,
  /\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/g,
  /\bhttps:\/\/hooks\.slack\.com\/services\/[A-Za-z0-9/]{20,100}/g,
];
const privateKey =
  /-----BEGIN (?:[A-Z]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----[\s\S]{0,8000}?-----END (?:[A-Z]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;
/** The user's password in a URL. */
const urlPassword = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@]{0,100}:([^\s/@]{3,200})@/gi;

/** A value that the text labels as a secret. */
const assigned =
  /(?:key|token|secret|passw(?:or)?d|pwd|passphrase|credentials?|bearer|basic|authorization)["'`]?(?: is)?\s{0,3}(?:[:=]|=>|\s)\s{0,3}["'`]?([A-Za-z0-9_+/=.~!@#$%^&*-]{12,200})/gi;
/** A long text without spaces that looks random. */
const token = /(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{32,128}={0,2}(?![A-Za-z0-9+/=_-])/g;

/** Minimum entropy, in bits per character, of a labelled value and of an unlabelled one. */
const minAssignedEntropy = 3.2;
const minTokenEntropy = 4.3;

/** Keys and tokens: in a published form, or random text that is labelled or long. */
export function secretsIn(text: string): Match[] {
  const found: Match[] = [];
  for (const form of [...forms, privateKey]) {
    for (const { 0: secret, index } of text.matchAll(form)) add(index, secret);
  }
  for (const match of text.matchAll(urlPassword)) {
    const [url, password = ''] = match;
    add(match.index + url.length - 1 - password.length, password);
  }
  for (const match of text.matchAll(assigned)) {
    const [all, value = ''] = match;
    const isRandom = /\d/.test(value) && /[A-Za-z]/.test(value);
    if (isRandom && !isName(value) && entropyOf(value) >= minAssignedEntropy) {
      add(match.index + all.length - value.length, value.replace(/[.!]+$/, ''));
    }
  }
  for (const { 0: value, index } of text.matchAll(token)) {
    const isMixed = /\d/.test(value) && /[a-z]/.test(value) && /[A-Z]/.test(value);
    if (isMixed && !isName(value) && entropyOf(value) >= minTokenEntropy) add(index, value);
  }
  return found;

  function add(start: number, secret: string): void {
    found.push({ start, end: start + secret.length, name: 'secret' });
  }
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
