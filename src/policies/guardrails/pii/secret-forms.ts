/** Forms of keys and tokens that their issuers have published. */
const issuedForms: readonly RegExp[] = [
  /\bsk-(?:proj-|ant-|or-|svcacct-|admin-|llmp-)?[A-Za-z0-9_-]{20,200}/g,
  /\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,120}\b/g,
  /\bsk_[0-9a-f]{48}\b/g,
  /\bwhsec_[A-Za-z0-9+/=]{20,100}/g,
  /\bgh[pousr]_[A-Za-z0-9]{36,255}\b/g,
  /\bgithub_pat_[A-Za-z0-9_]{22,255}\b/g,
  /\bgl(?:pat|dt|rt|ptt|soat|ft|agent|cbt|imt|ffct)-[A-Za-z0-9_-]{20,64}/g,
  /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b/g,
  /\bLTAI[A-Za-z0-9]{12,20}\b/g,
  /\bAKID[A-Za-z0-9]{28,40}\b/g,
  /\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/g,
  /\bya29\.[A-Za-z0-9_-]{20,300}/g,
  /\b1\/\/0[A-Za-z0-9_-]{40,120}/g,
  /\bGOCSPX-[A-Za-z0-9_-]{28}(?![A-Za-z0-9_-])/g,
  /\bxox[abeoprs]-[A-Za-z0-9-]{10,250}/g,
  /\bxapp-\d-[A-Za-z0-9-]{10,250}/g,
  /\bhf_[A-Za-z0-9]{30,64}\b/g,
  /\bnpm_[A-Za-z0-9]{36}\b/g,
  /\bpypi-[A-Za-z0-9_-]{50,250}/g,
  /\brubygems_[0-9a-f]{48}\b/g,
  /\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}/g,
  /\bkey-[0-9a-f]{32}\b/g,
  /\b[0-9a-f]{32}-us\d{1,2}\b/g,
  /\b(?:dop|doo|dor)_v1_[0-9a-f]{64}\b/g,
  /\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{30,80}/g,
  /\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b/g,
  /\bsq0(?:atp|csp)-[A-Za-z0-9_-]{22,60}/g,
  /\bsq[apu]_[0-9a-f]{40}\b/g,
  /\b(?:gsk|xai|pplx|nvapi|r8|fw|tgp_v1|csk|lin_api|dckr_pat|pul|sbp|sb_secret|rnd|figd|tvly|pcsk|lsv2_pt|lsv2_sk|glsa|glc|ntn|vcp|vck|nfp|bkua|CCIPAT|pscale_tkn|pscale_pw|pscale_oauth|sntrys|sntryu)[_-][A-Za-z0-9_+/=-]{24,250}/g,
  /\b(?:ATATT3|ATCTT3|ATBB)[A-Za-z0-9_=-]{28,250}/g,
  /\bNRAK-[A-Z0-9]{27}\b/g,
  /\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b/g,
  /\bpat[A-Za-z0-9]{14}\.[0-9a-f]{64}\b/g,
  /\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,90}/g,
  /(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~-])/g,
  /\bhv[sbr]\.[A-Za-z0-9_-]{20,250}/g,
  /\bdapi[0-9a-f]{32}\b/g,
  /\b(?:AC|SK)[0-9a-f]{32}\b/g,
  /\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b/g,
  /\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/g,
  /\b[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}(?![A-Za-z0-9_-])/g,
  /\bhttps:\/\/hooks\.slack\.com\/services\/[A-Za-z0-9/]{20,100}/g,
  /\bhttps:\/\/discord(?:app)?\.com\/api\/webhooks\/\d{15,20}\/[A-Za-z0-9_-]{60,80}/g,
  /\beyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{8,2000}/g,
];

/** JOSE (RFC 7515, RFC 7516): signed or not, encrypted, and cut off. */
const joseToken = /\beyJ[A-Za-z0-9_-]{8,2000}(?:\.[A-Za-z0-9_-]{0,8000}){1,4}/g;

const begin = '-----BEGIN (?:[A-Z]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----';
const lineBreak = String.raw`(?:\s|\\[nr])`;
const wholeKey = new RegExp(
  String.raw`${begin}[\s\S]{0,8000}?-----END (?:[A-Z]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----`,
  'g',
);
/** Its end is missing: as far as it looks like a key. */
const partOfKey = new RegExp(
  String.raw`${begin}(?:${lineBreak}{1,4}[A-Za-z-]{1,20}: [^\n\\]{1,100}){0,3}(?:${lineBreak}{1,4}[A-Za-z0-9+/=]{16,4000}){0,200}(?:${lineBreak}{1,2}[A-Za-z0-9+/=]{1,15}(?=\s*$))?`,
  'g',
);
const nearBegin = '-----BEGIN';

/** Private keys of PEM and PGP. */
export function eachPrivateKey(text: string, add: (start: number, end: number) => void): void {
  if (!text.includes(nearBegin)) return;
  let free = 0;
  for (const form of [wholeKey, partOfKey]) {
    for (const { 0: key, index } of text.matchAll(form)) {
      if (form === partOfKey && index < free) continue;
      add(index, index + key.length);
      free = index + key.length;
    }
  }
}

/** Keys and tokens in a form that their issuers have published. */
export function eachIssued(text: string, add: (start: number, end: number) => void): void {
  for (const form of issuedForms) {
    for (const { 0: secret, index } of text.matchAll(form)) add(index, index + secret.length);
  }
  for (const { 0: token, index } of text.matchAll(joseToken)) {
    const [header = ''] = token.split('.', 1);
    const isJose = /"(?:alg|enc|typ)"/.test(Buffer.from(header, 'base64url').toString('latin1'));
    if (isJose) add(index, index + token.length);
  }
}
