import type { Exchange } from '../../server/exchange.js';
import { protocolsIn } from '../../websocket/handshake.js';

/** The headers in which clients of each API send their key, in the order of the search. */
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

/** The subprotocol that carries a browser's key: a page can set no other header of a WebSocket. */
export const keyProtocol = 'openai-insecure-api-key.';

function keyInProtocols(header: string): string | null {
  if (header === '') return null;
  const named = protocolsIn(header).find((name) => name.startsWith(keyProtocol));
  return named === undefined ? null : named.slice(keyProtocol.length);
}
