import { proxyProblem } from '../network/http-proxy.js';
import { isLoopback } from '../network/is-loopback.js';
import { networkProblem, unixPeer } from '../network/networks.js';
import type { Problem } from '../problem.js';
import { isReference, parseReference } from '../secrets/secret-reference.js';
import { SettingsError } from './settings-error.js';
import type { Settings, TlsSettings } from './settings-types.js';

/**
 * Refuses settings that are valid one by one and not together.
 * @param source the flag, variable or file of a setting, for messages.
 * @throws SettingsError
 */
export function checkTogether(settings: Settings, source: (name: string) => string): void {
  const { auth, server, admin, upstream } = settings;
  checkAdminKeys(admin.keys);
  checkListeners(settings);
  const proxies = server.trusted_proxies.filter((entry) => entry !== unixPeer);
  checkNetworks('server.trusted_proxies', proxies);
  checkNetworks('admin.allow_from', admin.allow_from);
  checkProxyProtocol(server);
  checkOidc(settings.console);
  checkProxies(upstream, source);
  checkTraces(settings.traces);
  checkHeaders('usage.export.headers', settings.usage.export.headers);
  if (auth !== 'off' || isLoopback(server.host)) return;
  throw new SettingsError([
    {
      source: source('auth'),
      path: 'auth',
      reason: `off is refused unless server.host is a loopback address, not ${server.host} (from ${source('server.host')})`,
    },
  ]);
}

/** Refuses settings that only the engine `net` supports, and incomplete combinations. */
function checkListeners({ server, admin }: Settings): void {
  const { engine, host } = server;
  const isNet = engine === 'auto' || engine === 'net';
  if (host.startsWith('unix:') && !isNet) {
    throw refusal('server.host', `the engine ${engine} takes no path`);
  }
  if (server.tls.cert !== null && !isNet) {
    throw refusal('server.tls', `the engine ${engine} has none`);
  }
  checkTls('server.tls', server.tls);
  checkTls('admin.tls', admin.tls);
  if (admin.tls.cert !== null && admin.listen === null) {
    throw refusal(
      'admin.tls',
      'is of no use without admin.listen; on the main port, see server.tls',
    );
  }
}

function checkTls(path: string, { cert, key, client_ca }: TlsSettings): void {
  if ((cert === null) !== (key === null)) throw refusal(path, 'cert and key are needed together');
  if (client_ca !== null && cert === null) {
    throw refusal(`${path}.client_ca`, 'is of no use without cert and key');
  }
}

function refusal(path: string, reason: string): SettingsError {
  return new SettingsError([{ source: 'settings', path, reason }]);
}

/** Names must be unique because the history shows them; `admin` is the name of `admin.key`. */
function checkAdminKeys(keys: Settings['admin']['keys']): void {
  const problems: Problem[] = [];
  const names = new Set(['admin']);
  for (const [index, { name, key, key_sha256, expires_at }] of keys.entries()) {
    const add = (reason: string) =>
      problems.push({ source: 'settings', path: `admin.keys.${index}`, reason });
    if (names.has(name)) add(`another admin key is named "${name}"`);
    names.add(name);
    if ((key === undefined) === (key_sha256 === undefined)) {
      add('needs one of "key" and "key_sha256"');
    }
    if (expires_at !== undefined && Number.isNaN(Date.parse(expires_at))) {
      add('"expires_at" is not a time');
    }
  }
  if (problems.length > 0) throw new SettingsError(problems);
}

/**
 * The browser carries the sign-in: console and OpenID provider must use TLS, or be on this machine.
 */
function checkOidc({ url, oidc }: Settings['console']): void {
  if (oidc.issuer === null) return;
  const refuse = (path: string, reason: string) => {
    throw new SettingsError([{ source: 'settings', path, reason }]);
  };
  const isSafe = (text: string) => {
    const { protocol, hostname } = new URL(text);
    return protocol === 'https:' || isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'));
  };
  if (!isSafe(oidc.issuer)) refuse('console.oidc.issuer', 'must begin with https://');
  if (oidc.client_id === null) refuse('console.oidc.client_id', 'is needed with an issuer');
  if (url === null) refuse('console.url', 'is needed with console.oidc: it is where people return');
  else if (!isSafe(url)) refuse('console.url', 'must begin with https:// to sign in by OpenID');
  if (Object.keys(oidc.roles).length === 0) {
    refuse('console.oidc.roles', 'gives nobody a role, so nobody could sign in');
  }
}

function checkTraces({ headers, tls }: Settings['traces']): void {
  if ((tls.cert === null) !== (tls.key === null)) {
    throw refusal('traces.tls', 'cert and key are needed together');
  }
  checkHeaders('traces.headers', headers);
}

function checkHeaders(path: string, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    const reference = isReference(value) ? parseReference(value) : null;
    if (typeof reference === 'string') throw refusal(`${path}.${name}`, reference);
  }
}

function checkProxyProtocol(server: Settings['server']): void {
  const { proxy_protocol, engine, host, tls, trusted_proxies } = server;
  if (!proxy_protocol) return;
  const isNet = engine === 'auto' || engine === 'net';
  if (!isNet || trusted_proxies.length === 0) {
    const reason = 'needs server.engine: net, and the proxies in server.trusted_proxies';
    throw refusal('server.proxy_protocol', reason);
  }
  if (host.startsWith('unix:') && tls.cert !== null) {
    throw refusal('server.proxy_protocol', 'does not go with server.tls on a unix socket');
  }
}

function checkProxies(upstream: Settings['upstream'], source: (name: string) => string): void {
  for (const name of ['https_proxy', 'http_proxy'] as const) {
    const path = `upstream.${name}`;
    const reason = upstream[name] === null ? null : proxyProblem(upstream[name]);
    if (reason) throw new SettingsError([{ source: source(path), path, reason }]);
  }
}

function checkNetworks(path: string, entries: readonly string[]): void {
  const reasons = entries.map(networkProblem).filter((reason) => reason !== null);
  if (reasons.length === 0) return;
  throw new SettingsError(reasons.map((reason) => ({ source: 'settings', path, reason })));
}
