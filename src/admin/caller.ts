import type { IncomingMessage } from 'node:http';
import { type Clients, foreignHost } from '../config/client.js';
import { GatewayError } from '../errors.js';
import { endpointHeader } from '../server/relayed.js';

/** Who asks the control process, and by which way. */
export interface Caller {
  /** IP address; `local` for a command on this machine. */
  address: string;
  /** Whether the request was made on this machine, and passed on by no proxy. */
  isLocal: boolean;
  /** The host that the listener is open on, which the request came in by. */
  listenHost: string;
  /** What a worker has found the request to be for; null where it came past none. */
  endpoint: string | null;
}

/**
 * On the control socket: a worker, which says who its client is, or a command.
 * @param mainHost `server.host`.
 * @throws GatewayError `unavailable`.
 */
export function callerOnSocket({ headers }: IncomingMessage, mainHost: string): Caller {
  const endpoint = headers[endpointHeader];
  const addresses = headers['x-forwarded-for'];
  if (typeof endpoint === 'string' && typeof addresses === 'string') {
    const [address = '', ...hops] = addresses.split(', ');
    return { address, isLocal: hops.length === 0, listenHost: mainHost, endpoint };
  }
  if (addresses !== undefined) {
    // It does not say what it has found, and is about to end.
    const message = 'The worker that took this request is of another version. Try again.';
    throw new GatewayError('unavailable', message, { headers: { 'retry-after': '1' } });
  }
  return { address: 'local', isLocal: true, listenHost: 'localhost', endpoint: null };
}

/**
 * On the listener of `admin.listen`.
 * @param listenHost that it is open on; null on a unix socket, which no browser can reach.
 * @throws GatewayError `permission_denied`.
 */
export function callerOnListener(
  { headers, socket }: IncomingMessage,
  clients: Clients,
  listenHost: string | null,
): Caller {
  const peer = socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '') ?? '127.0.0.1';
  const client = clients.of(peer, (name) =>
    name === 'host' && listenHost === null ? '' : String(headers[name] ?? ''),
  );
  if (client.hasForeignHost) throw foreignHost();
  const { address, isLocal } = client;
  return { address, isLocal, listenHost: listenHost ?? 'localhost', endpoint: null };
}
