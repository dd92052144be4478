import { hostAndPort } from '../admin/server/listeners.js';
import type { Settings } from '../config/settings/settings-types.js';

/** URL of the listener for a person on this machine. */
export function urlOf({ host, port, tls }: Settings['server']): string {
  if (host.startsWith('unix:')) return host;
  return `${tls.cert === null ? 'http' : 'https'}://${named(host)}:${port}`;
}

/** URL of the console for a browser; null where it is off or on a unix socket only. */
export function consoleUrlOf({ admin, console, server }: Settings): string | null {
  if (!console.enabled) return null;
  const own = admin.listen === null ? null : hostAndPort(admin.listen);
  const here = own
    ? `${admin.tls.cert === null ? 'http' : 'https'}://${named(own.host)}:${own.port}`
    : urlOf(server);
  const base = console.url?.replace(/\/+$/, '') ?? here;
  return /^https?:/.test(base) && admin.listen?.startsWith('unix:') !== true
    ? `${base}/console`
    : null;
}

function named(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
