import { isIP } from 'node:net';
import type { Settings } from '../settings/settings-types.js';
import { Networks, networkProblem } from './networks.js';

/** A proxy that connections to providers go through. */
export interface HttpProxy {
  /** True if the proxy itself is reached over TLS. */
  readonly isTls: boolean;
  /** Without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** `host:port`, for messages; never its user or password. */
  readonly name: string;
  /** Value of `proxy-authorization`, secret; null: it wants none. */
  readonly authorization: string | null;
}

/** The reason that this is not the URL of a proxy, without quoting its password; or null. */
export function proxyProblem(text: string): string | null {
  const proxy = parseProxy(text);
  return typeof proxy === 'string' ? proxy : null;
}

/**
 * Parses the URL of a proxy, such as `http://user:password@proxy.local:3128`.
 * @returns the proxy, or the reason that the URL is invalid.
 */
export function parseProxy(text: string): HttpProxy | string {
  // Like other programs that read these variables: `proxy.local:3128` is HTTP.
  const url = /^[a-z0-9+.-]+:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(url)) return 'is not the URL of a proxy, such as http://proxy.local:3128';
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') {
    return `must start with http:// or https://: proxies of ${protocol}// are not supported`;
  }
  if (pathname !== '/' || search || hash) return 'must end after the port: a proxy has no path';
  const isTls = protocol === 'https:';
  const number = Number(port) || (isTls ? 443 : 80);
  let user: string;
  try {
    user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return 'has a user or password with a "%" that is not written as %25';
  }
  return {
    isTls,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: number,
    name: `${hostname}:${number}`,
    authorization: user === ':' ? null : `Basic ${Buffer.from(user).toString('base64')}`,
  };
}

/** A provider's `proxy` that uses none, whatever the settings say. */
export const noProxy = 'none';

type ProxySettings = Pick<Settings['upstream'], 'https_proxy' | 'http_proxy' | 'no_proxy'>;

/**
 * The proxy for an origin; null: it is connected to directly.
 * @param own the provider's own: a URL, `none`, or null for that of the settings.
 */
export function proxyFor(
  origin: string,
  own: string | null,
  { https_proxy, http_proxy, no_proxy }: ProxySettings,
): HttpProxy | null {
  const url = new URL(origin);
  const ofSettings = url.protocol === 'https:' ? https_proxy : http_proxy;
  const text = own ?? (isExempt(url, no_proxy ?? '') ? null : ofSettings);
  if (text === null || text === '' || text === noProxy) return null;
  const proxy = parseProxy(text);
  // Both are checked where they are set.
  if (typeof proxy === 'string') throw new Error(proxy);
  return proxy;
}

/**
 * True if NO_PROXY names the host: `*`, a name and all below it (`example.com`, `.example.com`,
 * `*.example.com`), an address or a network, each also with a port.
 */
function isExempt({ hostname, port, protocol }: URL, text: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  const own = port || (protocol === 'https:' ? '443' : '80');
  return text.split(/[\s,]+/).some((entry) => {
    if (entry === '*') return true;
    const { name, at } = splitPort(entry.toLowerCase());
    if (name === '' || (at !== '' && at !== own)) return false;
    if (isIP(host) !== 0) return networkProblem(name) === null && new Networks([name]).has(host);
    const suffix = name.replace(/^\*?\./, '');
    return host === suffix || host.endsWith(`.${suffix}`);
  });
}

function splitPort(entry: string): { name: string; at: string } {
  const [, bracketed, afterBracket = ''] = /^\[(.+)\](?::(\d+))?$/.exec(entry) ?? [];
  if (bracketed !== undefined) return { name: bracketed, at: afterBracket };
  if (isIP(entry.replace(/\/.*/, '')) === 6) return { name: entry, at: '' };
  const [, name = entry, at = ''] = /^(.*):(\d+)$/.exec(entry) ?? [];
  return { name, at };
}
