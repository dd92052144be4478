import type { Closers } from '../closers.js';
import type { Scenario } from '../scenarios.js';
import type { Mock } from './mock.js';
import { nginxUnavailable, startNginxUpstream } from './nginx.js';
import type { Upstream } from './target.js';
import { startTls, tlsUnavailable } from './tls.js';

type Kind = Scenario['upstream'];

/** The reason why there can be no such upstream here, or null. */
export function upstreamUnavailable(kind: Kind): string | null {
  if (kind === 'tls') return tlsUnavailable();
  return kind === 'nginx' ? nginxUnavailable() : null;
}

/** Starts the server that targets forward to: see `Scenario`. */
export async function startUpstream(
  kind: Kind,
  mock: Mock,
  directory: string,
  closers: Closers,
): Promise<Upstream> {
  if (kind === 'tls') return await startTls(mock, directory, closers);
  return kind === 'nginx' ? await startNginxUpstream(mock, directory, closers) : mock;
}
