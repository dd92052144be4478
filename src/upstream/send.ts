import { withClientQuery } from '../routing/query.js';
import type { Wire } from '../routing/wire.js';
import type { Attempt } from './attempt.js';
import type { BodyStream } from './client/exchange-handler.js';
import type { Upstreams } from './upstreams.js';

/** A request to be sent over a wire. */
export interface Outgoing {
  method: 'GET' | 'POST' | 'DELETE';
  upgrade?: 'websocket' | null;
  stream: boolean;
  /** The client's query, without the question mark. */
  query: string;
  /** Flat list, including the wire's own. */
  headers: string[];
  body: Buffer | string | BodyStream | null;
  firstByteMs: number;
  idleMs: number;
}

/** Sends a request to a provider; `attempt` becomes its answer. */
export function send(
  upstreams: Upstreams,
  wire: Pick<Wire, 'connection' | 'path' | 'streamPath' | 'queryNames' | 'sign'>,
  attempt: Attempt,
  { query, stream, method, upgrade = null, headers, body, firstByteMs, idleMs }: Outgoing,
): void {
  const ownPath = stream ? wire.streamPath : wire.path;
  const path = query === '' ? ownPath : withClientQuery(ownPath, wire.queryNames, query);
  if (wire.sign) {
    const host = new URL(wire.connection.origin).host;
    // No kind that signs accepts streamed bodies.
    const whole = typeof body === 'string' || Buffer.isBuffer(body) ? body : null;
    headers.push(...wire.sign({ method, host, path, headers, body: whole }, Date.now()));
  }
  upstreams.pool(wire.connection, upgrade !== null).dispatch(
    {
      method,
      path,
      headers,
      body,
      upgrade,
      headersTimeout: firstByteMs,
      bodyTimeout: idleMs,
    },
    attempt,
  );
}
