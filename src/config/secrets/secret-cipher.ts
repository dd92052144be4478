import {
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  randomBytes,
} from 'node:crypto';

/** A key that encrypts secrets. */
export interface SecretKey {
  /** Derived from the key without revealing it: may be stored and shown. */
  readonly id: string;
  /** Secret. */
  readonly bytes: Buffer;
}

/** The keys of this machine: the first encrypts and decrypts, the others only decrypt. */
export type KeyRing = readonly SecretKey[];

/** The place that an encrypted secret is bound to: it does not decrypt anywhere else. */
export interface SecretPlace {
  table: string;
  row: string;
  column: string;
  /** Origin of the URL that it is sent to; undefined: sealed before origins were included. */
  origin?: string;
}

const cipher = 'aes-256-gcm';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

const sealed = /^enc:v1:([0-9a-f]{8}):([A-Za-z0-9+/]+={0,2})$/;

/**
 * Parses the keys in a text, each of 32 bytes in base64 or hex, separated by white space or commas;
 * `#` starts a comment that ends with the line.
 * @throws Error that quotes nothing of the text.
 */
export function parseKeyRing(text: string): KeyRing {
  const words = text.replace(/#.*$/gm, '').split(/[\s,]+/);
  const keys = words.filter(Boolean).map(parseKey);
  if (keys.length === 0) throw new Error('holds no key');
  return keys.filter(({ id }, index) => keys.findIndex((key) => key.id === id) === index);
}

export function generateSecretKey(): SecretKey {
  return toSecretKey(randomBytes(keyBytes));
}

/** The text of a key in files. */
export function formatSecretKey({ bytes }: SecretKey): string {
  return bytes.toString('base64');
}

/** True for a stored value that is an encrypted secret, even a damaged one. */
export function isSealed(stored: string): boolean {
  return stored.startsWith('enc:v1:');
}

/** The id of the key that a secret is encrypted under; null when it is not of the known form. */
export function sealedUnder(stored: string): string | null {
  return sealed.exec(stored)?.[1] ?? null;
}

/** Encrypts a secret for its place: `enc:v1:<key id>:<base64 of nonce, tag and ciphertext>`. */
export function seal(text: string, key: SecretKey, place: SecretPlace): string {
  return `enc:v1:${key.id}:${sealBytes(Buffer.from(text, 'utf8'), key, boundTo(place)).toString('base64')}`;
}

/**
 * Decrypts a secret encrypted by `seal`.
 * @throws Error whose message is the reason, as the end of a sentence.
 */
export function open(stored: string, ring: KeyRing, place: SecretPlace): string {
  const [, id, data] = sealed.exec(stored) ?? [];
  if (id === undefined || data === undefined) throw new Error('is damaged');
  const key = ring.find((each) => each.id === id);
  if (!key) throw new Error(`is encrypted under key ${id}, which is not known here`);
  try {
    return openBytes(Buffer.from(data, 'base64'), key, boundTo(place)).toString('utf8');
  } catch {
    throw new Error('is damaged, or was encrypted for another provider or api_base');
  }
}

/** Encrypts bytes bound to a context, with a fresh nonce each time. */
export function sealBytes(bytes: Buffer, key: SecretKey, context: Buffer): Buffer {
  const sealing = new Sealing(key, context);
  const ciphertext = sealing.update(bytes);
  return Buffer.concat([sealing.head(), ciphertext]);
}

/** Bytes that `sealBytes` puts before those of the content. */
export const sealHeadBytes = nonceBytes + tagBytes;

/** Encrypts as `sealBytes` does, piece by piece. Its head is known last. */
export class Sealing {
  readonly #nonce = randomBytes(nonceBytes);
  readonly #cipher: CipherGCM;

  constructor({ bytes }: SecretKey, context: Buffer) {
    this.#cipher = createCipheriv(cipher, bytes, this.#nonce).setAAD(context);
  }

  update(piece: Buffer): Buffer {
    return this.#cipher.update(piece);
  }

  /** To be called once, after the last piece. */
  head(): Buffer {
    this.#cipher.final();
    return Buffer.concat([this.#nonce, this.#cipher.getAuthTag()]);
  }
}

/** @throws Error when the bytes were changed, or sealed under another key or for another context. */
export function openBytes(bytes: Buffer, { bytes: key }: SecretKey, context: Buffer): Buffer {
  const nonce = bytes.subarray(0, nonceBytes);
  const tag = bytes.subarray(nonceBytes, nonceBytes + tagBytes);
  // Without this check of the length, a tag cut to four bytes would be accepted.
  const opening = createDecipheriv(cipher, key, nonce, { authTagLength: tagBytes })
    .setAAD(context)
    .setAuthTag(tag);
  return Buffer.concat([opening.update(bytes.subarray(nonceBytes + tagBytes)), opening.final()]);
}

function parseKey(word: string): SecretKey {
  const bytes = Buffer.from(word, /^[0-9a-f]{64}$/i.test(word) ? 'hex' : 'base64');
  if (bytes.length === keyBytes) return toSecretKey(bytes);
  throw new Error(
    `must hold keys of ${keyBytes} bytes in base64 or hex, such as openssl rand -base64 ${keyBytes} prints`,
  );
}

function toSecretKey(bytes: Buffer): SecretKey {
  const digest = createHash('sha256').update('llmproxy secret key id\0').update(bytes);
  return { id: digest.digest('hex').slice(0, 8), bytes };
}

/** The place as JSON, so that no two places have the same text. */
function boundTo({ table, row, column, origin }: SecretPlace): Buffer {
  const place = [table, row, column];
  return Buffer.from(JSON.stringify(origin === undefined ? place : [...place, origin]));
}

/** Derives a key for another purpose, in base64; it reveals nothing about the original. */
export function derivedKey([key]: KeyRing, purpose: string): string {
  if (!key) throw new Error('there is no key to derive another from');
  return createHmac('sha256', key.bytes).update(`llmproxy ${purpose}`).digest('base64');
}
