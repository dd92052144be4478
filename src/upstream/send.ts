import { withClientQuery } from '../routing/query.js';
import type { Wire } from '../routing/wire.js';
import type { Attempt } from './attempt.js';
import type { Upstreams } from './upstreams.js';

/** What is sent over a wire. */
export interface Outgoing {
  method: 'GET' | 'POST';
  /** Of the client, without the question mark. */
  query: string;
  /** Flat list, those of the wire among them. */
  headers: string[];
  body: Buffer | string | null;
  firstByteMs: number;
  idleMs: number;
}

/** Sends a request to a provider; `attempt` becomes its answer. */
export function send(
  upstreams: Upstreams,
  { connection, path, queryNames }: Pick<Wire, 'connection' | 'path' | 'queryNames'>,
  attempt: Attempt,
  { query, method, headers, body, firstByteMs, idleMs }: Outgoing,
): void {
  upstreams.pool(connection).dispatch(
    {
      method,
      path: query === '' ? path : withClientQuery(path, queryNames, query),
      headers,
      body,
      headersTimeout: firstByteMs,
      bodyTimeout: idleMs,
    },
    attempt,
  );
}
