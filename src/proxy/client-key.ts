import type { Exchange } from '../server/exchange.js';
import { protocolsIn } from '../websocket/handshake.js';

/** Where the clients of each API send their key, in the order in which it is looked for. */
const headers = ['x-api-key', 'api-key', 'x-goog-api-key'] as const;

/** The client's key, on every path: the bearer token, the other headers, `?key=`, a subprotocol. */
export function clientKey(exchange: Exchange): string | null {
  const authorization = exchange.header('authorization');
  if (/^bearer /i.test(authorization)) return authorization.slice(7).trim();
  for (const name of headers) {
    const key = exchange.header(name).trim();
    if (key !== '') return key;
  }
  if (exchange.query.includes('key=')) return new URLSearchParams(exchange.query).get('key');
  return keyInProtocols(exchange.header('sec-websocket-protocol'));
}

/** How a browser names a key, which can set no header of a WebSocket but its subprotocols. */
export const keyProtocol = 'openai-insecure-api-key.';

function keyInProtocols(header: string): string | null {
  if (header === '') return null;
  const named = protocolsIn(header).find((name) => name.startsWith(keyProtocol));
  return named === undefined ? null : named.slice(keyProtocol.length);
}
