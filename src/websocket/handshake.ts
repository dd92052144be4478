import { hash, randomBytes } from 'node:crypto';

/** RFC 6455, section 1.3. */
const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The proof that a server has understood a client's `sec-websocket-key`. */
export function acceptOf(key: string): string {
  return hash('sha1', key + guid, 'base64');
}

/** A client's key: sixteen random bytes. */
export function newKey(): string {
  return randomBytes(16).toString('base64');
}

export function isKey(text: string): boolean {
  return /^[A-Za-z0-9+/]{21}[AQgw]==$/.test(text);
}

/** The names in `sec-websocket-protocol`, in order. */
export function protocolsIn(header: string): string[] {
  return header
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
