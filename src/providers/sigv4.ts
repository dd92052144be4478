import { createHash, createHmac } from 'node:crypto';
import type { Sign } from './kind.js';

/** Keys of an AWS account; temporary ones of a role have a token. */
export interface AwsKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string | null;
}

/** The region and service that a signature is valid for. */
export interface AwsScope {
  region: string;
  service: string;
}

/** The signed parts of a request. */
export interface CanonicalParts {
  method: string;
  /** Path as sent, with its query. */
  path: string;
  /** Headers to sign, among them `host` and `x-amz-date`. */
  headers: readonly (readonly [name: string, value: string])[];
  /** SHA-256 of the body, hex. */
  bodyHash: string;
}

const algorithm = 'AWS4-HMAC-SHA256';

/**
 * Signs requests by Signature Version 4 (AWS IAM user guide, "Create a signed AWS API request"):
 * signs `host`, `content-type` and all `x-amz-` headers; other headers may change in transit.
 */
export function signAws(keys: AwsKeys, scope: AwsScope): Sign {
  const keyOfDay = signingKeys(keys, scope);
  return ({ method, host, path, headers, body }, nowMs) => {
    const time = amzTime(nowMs);
    const added = ['x-amz-date', time];
    if (keys.sessionToken !== null) added.push('x-amz-security-token', keys.sessionToken);
    const signed: [string, string][] = [['host', host]];
    const sent = [...headers, ...added];
    for (let i = 0; i < sent.length; i += 2) {
      const name = sent[i] as string;
      if (name !== 'content-type' && !name.startsWith('x-amz-')) continue;
      signed.push([name, sent[i + 1] as string]);
    }
    const bodyHash = sha256(body ?? '');
    const parts = { method, path, headers: signed, bodyHash };
    added.push('authorization', authorization(parts, keys.accessKeyId, scope, keyOfDay, time));
    return added;
  };
}

/** The value of `authorization`. @param time such as `20150830T123600Z`. */
export function authorization(
  parts: CanonicalParts,
  accessKeyId: string,
  { region, service }: AwsScope,
  keyOfDay: (day: string) => Buffer,
  time: string,
): string {
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/${service}/aws4_request`;
  const { text, names } = canonicalRequest(parts);
  const signed = [algorithm, time, scope, sha256(text)].join('\n');
  const signature = hmac(keyOfDay(day), signed).toString('hex');
  return `${algorithm} Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
}

export function canonicalRequest({ method, path, headers, bodyHash }: CanonicalParts): {
  text: string;
  /** Names of the signed headers. */
  names: string;
} {
  const values = new Map<string, string>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const trimmed = value.trim().replace(/\s+/g, ' ');
    const before = values.get(key);
    values.set(key, before === undefined ? trimmed : `${before},${trimmed}`);
  }
  const sorted = [...values].sort(([a], [b]) => compare(a, b));
  const names = sorted.map(([name]) => name).join(';');
  const [, target = '', query = ''] = /^([^?]*)\??(.*)$/s.exec(path) ?? [];
  const lines = sorted.map(([name, value]) => `${name}:${value}`);
  const text = [
    method,
    target.split('/').map(encoded).join('/'),
    canonicalQuery(query),
    ...lines,
    '',
    names,
    bodyHash,
  ].join('\n');
  return { text, names };
}

function canonicalQuery(query: string): string {
  if (query === '') return '';
  const pairs = query.split('&').map((part) => {
    const [name = '', ...value] = part.split('=');
    return [encoded(decoded(name)), encoded(decoded(value.join('=')))] as const;
  });
  pairs.sort(([a, x], [b, y]) => compare(a, b) || compare(x, y));
  return pairs.map((pair) => pair.join('=')).join('&');
}

/** Services read `+` literally, unlike in forms. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Everything but letters, digits and `-._~` (RFC 3986, section 2.3). */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** By code units. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Signing keys are the same for all requests of a day.
 * @returns the key by day, such as `20150830`.
 */
export function signingKeys(
  { secretAccessKey }: Pick<AwsKeys, 'secretAccessKey'>,
  { region, service }: AwsScope,
): (day: string) => Buffer {
  let known: { day: string; key: Buffer } = { day: '', key: Buffer.alloc(0) };
  return (day) => {
    if (known.day !== day) {
      const ofDay = hmac(`AWS4${secretAccessKey}`, day);
      known = { day, key: hmac(hmac(hmac(ofDay, region), service), 'aws4_request') };
    }
    return known.key;
  };
}

/** Seconds in UTC, as `20150830T123600Z`. */
function amzTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}
