import type { Client } from '../../config/network/client.js';
import type { Exchange } from '../../server/exchange.js';
import type { Gateway } from '../gateway.js';

/** The client of this request: see `Clients`. */
export function clientOf({ clients }: Gateway, exchange: Exchange): Client {
  return clients.of(exchange.remoteAddress, (name) => joined(exchange, name));
}

function joined({ headers }: Exchange, name: string): string {
  const values: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) values.push(headers[i + 1] ?? '');
  }
  return values.join(',');
}
