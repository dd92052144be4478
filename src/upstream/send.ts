import type { Wire } from '../routing/wire.js';
import type { Attempt } from './attempt.js';
import type { Upstreams } from './upstreams.js';

/** What is sent over a wire. */
export interface Outgoing {
  method: 'GET' | 'POST';
  /** Flat list, those of the wire among them. */
  headers: string[];
  body: Buffer | string | null;
  firstByteMs: number;
  idleMs: number;
}

/** Sends a request to a provider; `attempt` becomes its answer. */
export function send(
  upstreams: Upstreams,
  { connection, path }: Wire,
  attempt: Attempt,
  { method, headers, body, firstByteMs, idleMs }: Outgoing,
): void {
  upstreams
    .pool(connection)
    .dispatch(
      { method, path, headers, body, headersTimeout: firstByteMs, bodyTimeout: idleMs },
      attempt,
    );
}
