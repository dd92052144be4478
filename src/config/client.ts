import { isIP } from 'node:net';
import { GatewayError } from '../errors.js';
import { isLoopback } from './is-loopback.js';
import { Networks } from './networks.js';
import type { AccessSetting, Settings } from './settings-schema.js';

/** Who sent a request, as far as it can be known. */
export interface Client {
  /** IP address: the peer's, or what a trusted proxy says. */
  address: string;
  /** Whether the request was made on this machine, and passed on by nobody. */
  isLocal: boolean;
  /** Whether it names a host that it should not: see `Clients`. */
  hasForeignHost: boolean;
}

/**
 * Whether a request may be answered without the admin key.
 * @param host that the listener is open on.
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

/** A header's value, joined by commas where it was sent more than once; empty where it was not. */
export type HeaderOf = (name: string) => string;

/** What proxies add. A client that adds it itself only loses what is for this machine alone. */
const addedByProxies = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
];

/**
 * Tells who sent a request.
 *
 * A page on the Web can have its own name lead to this machine (DNS rebinding), and have a browser
 * ask it; the browser then names that host. So a request from this machine that names another host
 * than `localhost`, an address or one of `hosts` is not taken for one that was made on purpose.
 */
export class Clients {
  readonly #proxies: Networks;
  readonly #hosts: ReadonlySet<string>;
  /** Where the peer of a connection may be what a proxy has said. */
  readonly #peersAreTold: boolean;

  /** @param settings those of `server`, checked. */
  constructor(settings: Pick<Settings['server'], 'trusted_proxies' | 'hosts' | 'proxy_protocol'>) {
    this.#peersAreTold = settings.proxy_protocol;
    this.#proxies = new Networks(settings.trusted_proxies);
    this.#hosts = new Set(settings.hosts.map((host) => host.toLowerCase()));
  }

  /** Whether this address is that of a trusted proxy. */
  isProxy(address: string): boolean {
    return this.#proxies.has(address);
  }

  /** @param peer address of the connection, or of its client where the PROXY protocol says it. */
  of(peer: string, header: HeaderOf): Client {
    const isTrusted = this.isProxy(peer);
    const isDirect =
      !isTrusted && !this.#peersAreTold && addedByProxies.every((name) => header(name) === '');
    const isForeign = !this.#isOwnName(header('host'));
    const fromHere = isDirect && isLoopback(peer);
    return {
      address: isTrusted ? this.#forwardedFor(peer, header('x-forwarded-for')) : peer,
      isLocal: fromHere && !isForeign,
      hasForeignHost: isForeign && (fromHere || this.#hosts.size > 0),
    };
  }

  /** From its end, the first address that is not a trusted proxy's: what is before it is hearsay. */
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

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function hopAddress(hop: string): string {
  const [, bracketed, plain] = /^\[([^\]]+)\](?::\d+)?$|^([\d.]+):\d+$/.exec(hop) ?? [];
  return (bracketed ?? plain ?? hop).replace(/^::ffff:(?=\d+\.)/i, '');
}

/** Without port and brackets, in lower case. */
function hostName(host: string): string {
  const name = host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  return name.replace(/\.$/, '').toLowerCase();
}
