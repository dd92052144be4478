import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type Clients, foreignHost } from '../../config/network/client.js';
import { unixPeer } from '../../config/network/networks.js';
import { GatewayError } from '../../errors.js';
import { addressText } from '../../server/address-text.js';
import { endpointHeader, schemeHeader } from '../../server/relayed.js';

/** The sender of a request to the control process, and its way there. */
export interface Caller {
  /** IP address; `local` for a command on this machine. */
  address: string;
  /** True for a request made on this machine and not forwarded by a proxy. */
  isLocal: boolean;
  /** The host of the listener that took the request. */
  listenHost: string;
  /** The endpoint that a worker has matched; null where no worker was involved. */
  endpoint: string | null;
  /** The user of a command of this machine, such as `cli:alice@host`; null for all other callers. */
  commandUser: string | null;
  /** True where the client came by TLS, to this machine or to a trusted proxy. */
  isSecure: boolean;
}

/** Names the user of a command to the control process, URI-encoded. */
export const commandUserHeader = 'x-llmproxy-user';

/**
 * The caller on the control socket: a worker's client, as the worker names it, or a command.
 * @param mainHost `server.host`.
 * @throws GatewayError `unavailable`.
 */
export function callerOnSocket({ headers }: IncomingMessage, mainHost: string): Caller {
  const endpoint = headers[endpointHeader];
  const addresses = headers['x-forwarded-for'];
  if (typeof endpoint === 'string' && typeof addresses === 'string') {
    const [address = '', ...hops] = addresses.split(', ');
    const isSecure = headers[schemeHeader] === 'https';
    const relayed = { address, isLocal: hops.length === 0, listenHost: mainHost, endpoint };
    return { ...relayed, commandUser: null, isSecure };
  }
  if (addresses !== undefined) {
    // An older worker sends no endpoint; it is about to be replaced.
    const message = 'The worker that took this request has another version. Try again.';
    throw new GatewayError('unavailable', message, { headers: { 'retry-after': '1' } });
  }
  const local = { address: 'local', isLocal: true, listenHost: 'localhost', endpoint: null };
  return { ...local, commandUser: commandUserIn(headers), isSecure: false };
}

/**
 * The caller on the listener of `admin.listen`.
 * @param listenHost the listener's host; null for a unix socket, which no browser can reach.
 * @throws GatewayError `permission_denied`.
 */
export function callerOnListener(
  { headers, socket }: IncomingMessage,
  clients: Clients,
  listenHost: string | null,
): Caller {
  const isOwnSocket = listenHost === null && !clients.isProxy(unixPeer);
  // Only this user can open a unix socket, but may run a proxy in front of it.
  const peer = isOwnSocket
    ? '127.0.0.1'
    : listenHost === null
      ? unixPeer
      : addressText(socket.remoteAddress);
  const client = clients.of(peer, (name) =>
    name === 'host' && listenHost === null ? '' : String(headers[name] ?? ''),
  );
  if (client.hasForeignHost) throw foreignHost();
  const { address, isLocal } = client;
  const host = listenHost ?? 'localhost';
  const isSecure = client.isSecure || 'encrypted' in socket;
  return { address, isLocal, listenHost: host, endpoint: null, commandUser: null, isSecure };
}

/** Only this user can open the control socket, so only the form of the name is checked. */
function commandUserIn(headers: IncomingHttpHeaders): string | null {
  try {
    const user = decodeURIComponent(String(headers[commandUserHeader] ?? ''));
    return /^cli:\P{Cc}{1,300}$/u.test(user) ? user : null;
  } catch {
    return null;
  }
}
