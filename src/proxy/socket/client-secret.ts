import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { GatewayError } from '../../errors.js';
import type { RoutedCredential, Snapshot } from '../../routing/snapshot.js';
import type { Wire } from '../../routing/wire.js';
import type { Exchange } from '../../server/exchange.js';
import { anybody } from '../access/authenticate.js';
import { clientKey } from '../access/client-key.js';

/**
 * A provider's key for one realtime session, as a browser gets it from the gateway: encrypted with
 * what the gateway must know of it, so that it is of use here only, and every daemon with the same
 * secret key can read it.
 */
export interface ClientSecret {
  /** Hash of the key that asked for it; empty with `auth: off`. */
  keyHash: string;
  provider: string;
  /** The provider's own. */
  value: string;
  /** The name in the client's request. */
  model: string;
  /** Unix time, seconds. */
  expiresAt: number;
  transcribes: boolean;
}

/** Clients know keys for a session by `ek_`. */
const prefix = 'ek_llmproxy_';
const cipher = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;

export function sealSecret(secret: ClientSecret, key: Buffer): string {
  const { keyHash, provider, value, model, expiresAt, transcribes } = secret;
  const iv = randomBytes(ivBytes);
  const encryption = createCipheriv(cipher, derived(key), iv);
  const payload = JSON.stringify([keyHash, provider, value, model, expiresAt, transcribes]);
  const bytes = Buffer.concat([encryption.update(payload), encryption.final()]);
  return prefix + Buffer.concat([iv, encryption.getAuthTag(), bytes]).toString('base64url');
}

/** Null for a text that this gateway did not seal. */
export function openSecret(text: string, key: Buffer): ClientSecret | null {
  const bytes = Buffer.from(text.slice(prefix.length), 'base64url');
  if (!text.startsWith(prefix) || bytes.length <= ivBytes + tagBytes) return null;
  const decryption = createDecipheriv(cipher, derived(key), bytes.subarray(0, ivBytes));
  decryption.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
  try {
    const payload = [decryption.update(bytes.subarray(ivBytes + tagBytes)), decryption.final()];
    const [keyHash, provider, value, model, expiresAt, transcribes] = JSON.parse(
      Buffer.concat(payload).toString(),
    );
    return { keyHash, provider, value, model, expiresAt, transcribes };
  } catch {
    return null;
  }
}

function derived(key: Buffer): Buffer {
  return createHmac('sha256', key).update('realtime client secrets').digest();
}

/** The secret that a client of a session sent; null for a key of its own. */
export function secretOf(exchange: Exchange, key: Buffer): ClientSecret | null {
  const sent = clientKey(exchange);
  return sent?.startsWith(prefix) ? openSecret(sent, key) : null;
}

/**
 * The credential for whose key a secret was made.
 * @throws GatewayError `invalid_api_key` for one that has expired, or whose key is no longer valid.
 */
export function holderOf(
  { keyHash, expiresAt }: ClientSecret,
  { credentials }: Snapshot,
  auth: 'on' | 'off',
): RoutedCredential {
  const nowMs = Date.now();
  if (expiresAt * 1_000 <= nowMs) throw invalid('The client secret has expired.');
  if (auth === 'off') return anybody;
  const credential = credentials.get(keyHash);
  if (!credential || (credential.expiresAt !== null && credential.expiresAt <= nowMs)) {
    throw invalid('The API key that made this client secret is no longer valid.');
  }
  return credential;
}

function invalid(message: string): GatewayError {
  return new GatewayError('invalid_api_key', message);
}

/** The wire of a session that is opened with a secret of the provider, not with its key. */
export function wireWith({ value, transcribes }: ClientSecret, wire: Wire): Wire {
  const headers = ['authorization', `Bearer ${value}`];
  for (let i = 0; i < wire.headers.length; i += 2) {
    const [name = '', own = ''] = wire.headers.slice(i, i + 2);
    if (name !== 'authorization' && name !== 'api-key') headers.push(name, own);
  }
  const headerNames = new Set([...wire.headerNames, 'authorization']);
  const [path = '', query = ''] = wire.path.split('?', 2);
  const named = new URLSearchParams(query);
  if (transcribes) named.delete('model');
  return { ...wire, headers, headerNames, path: named.size > 0 ? `${path}?${named}` : path };
}
