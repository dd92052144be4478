import type { Exchange } from '../server/exchange.js';

/** Where the clients of each API send their key, in the order in which it is looked for. */
const headers = ['x-api-key', 'api-key', 'x-goog-api-key'] as const;

/** The client's key, on every path: the bearer token, then the other headers, then `?key=`. */
export function clientKey(exchange: Exchange): string | null {
  const authorization = exchange.header('authorization');
  if (/^bearer /i.test(authorization)) return authorization.slice(7).trim();
  for (const name of headers) {
    const key = exchange.header(name).trim();
    if (key !== '') return key;
  }
  return exchange.query.includes('key=') ? new URLSearchParams(exchange.query).get('key') : null;
}
