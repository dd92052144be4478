import { isIP } from 'node:net';
import { GatewayError } from '../../errors.js';
import type { AccessSetting, Settings } from '../settings/settings-types.js';
import { isLoopback } from './is-loopback.js';
import { Networks, unixPeer } from './networks.js';

/** The sender of a request, as far as known. */
export interface Client {
  /** IP address, the peer's or the one reported by a trusted proxy; `unix:` if none is known. */
  address: string;
  /** True for a request made on this machine and not forwarded by a proxy. */
  isLocal: boolean;
  /** True where the request names a suspicious host: see `Clients`. */
  hasForeignHost: boolean;
  /** True where a trusted proxy says that the client came by TLS. */
  isSecure: boolean;
}

/**
 * Returns true where a request may be answered without the admin key.
 * @param host the host that the listener is bound to.
 */
export function needsNoKey(access: AccessSetting, isLocal: boolean, host: string): boolean {
  if (access === 'auto') return isLocal && isLoopback(host);
  return access === 'open' || (access === 'local' && isLocal);
}

/** The error of a request whose client `hasForeignHost`. */
export function foreignHost(): GatewayError {
  return new GatewayError(
    'permission_denied',
    'The Host of the request is not a name of this gateway: server.hosts lists those.',
  );
}

/** Returns a header's value: repeated ones joined by commas, empty where absent. */
export type HeaderOf = (name: string) => string;

/** Headers added by proxies. A local client that sends one only loses its local privileges. */
const addedByProxies = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
];

/**
 * Determines the sender of a request.
 *
 * A web page can point its own name at this machine (DNS rebinding) and have a browser send it
 * requests, which then name that host. So a request from this machine is not trusted as local if it
 * names a host other than `localhost`, an address or one of `hosts`.
 */
export class Clients {
  readonly #proxies: Networks;
  readonly #trustsUnix: boolean;
  readonly #hosts: ReadonlySet<string>;
  /** True where a connection's peer may come from a PROXY header. */
  readonly #peersAreTold: boolean;

  /** @param settings the validated settings of `server`. */
  constructor(settings: Pick<Settings['server'], 'trusted_proxies' | 'hosts' | 'proxy_protocol'>) {
    this.#peersAreTold = settings.proxy_protocol;
    this.#proxies = new Networks(settings.trusted_proxies.filter((each) => each !== unixPeer));
    this.#trustsUnix = settings.trusted_proxies.includes(unixPeer);
    this.#hosts = new Set(settings.hosts.map((host) => host.toLowerCase()));
  }

  /** True for the address of a trusted proxy. */
  isProxy(address: string): boolean {
    return address === unixPeer ? this.#trustsUnix : this.#proxies.has(address);
  }

  /**
   * @param peer the connection's address, or the client's by the PROXY protocol. One on a unix
   *   socket is never local: that is usually a proxy, which may pass on requests from anywhere.
   */
  of(peer: string, header: HeaderOf): Client {
    const isTrusted = this.isProxy(peer);
    const isDirect =
      !isTrusted && !this.#peersAreTold && addedByProxies.every((name) => header(name) === '');
    const isForeign = !this.#isOwnName(header('host'));
    // Browsers name the page that sends a request: any page can send one without reading its
    // answer.
    const isOfPage = !['', 'none', 'same-origin'].includes(header('sec-fetch-site'));
    const fromHere = isDirect && peer !== unixPeer && isLoopback(peer);
    return {
      address: isTrusted ? this.#forwardedFor(peer, header('x-forwarded-for')) : peer,
      isLocal: fromHere && !isForeign && !isOfPage,
      hasForeignHost: isForeign && (fromHere || this.#hosts.size > 0),
      isSecure: isTrusted && /(?:^|[,\s])https$/i.test(header('x-forwarded-proto')),
    };
  }

  /** The last address that is not a trusted proxy's: those before it may be forged. */
  #forwardedFor(peer: string, list: string): string {
    let address = peer;
    for (const hop of list.split(',').reverse()) {
      const next = hopAddress(hop.trim());
      if (isIP(next) === 0) break;
      address = next;
      if (!this.isProxy(address)) break;
    }
    return address;
  }

  #isOwnName(host: string): boolean {
    const name = hostName(host);
    const isAddress = name === '' || isIP(name) !== 0;
    return isAddress || /(?:^|\.)localhost$/.test(name) || this.#hosts.has(name);
  }
}

/** Strips the port that some proxies add: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function hopAddress(hop: string): string {
  const [, bracketed, plain] = /^\[([^\]]+)\](?::\d+)?$|^([\d.]+):\d+$/.exec(hop) ?? [];
  return (bracketed ?? plain ?? hop).replace(/^::ffff:(?=\d+\.)/i, '');
}

/** Strips port and brackets, and converts to lower case. */
function hostName(host: string): string {
  const name = host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  return name.replace(/\.$/, '').toLowerCase();
}
