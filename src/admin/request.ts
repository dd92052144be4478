import type { IncomingHttpHeaders } from 'node:http';
import type { AdminRole } from '../config/settings-schema.js';

export interface AdminRequest {
  /** Values of the path's parameters, decoded. */
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  /** The JSON body, checked against the operation's schema; undefined when it has none. */
  body: unknown;
  /** The client's address; `local` for a command on this machine. */
  remoteAddress: string;
  /** True when the request was made on this machine, and not forwarded by a proxy on it. */
  local: boolean;
  requestId: string;
  /** Aborted when the client has left before it was answered. */
  signal: AbortSignal;
  /** Who asks, for the history: `admin:NAME` of the admin key; `anonymous` where none was needed. */
  actor: string;
  /** Of the admin key; `viewer` where none was needed. */
  role: AdminRole;
}

export interface AdminAnswer {
  status: number;
  headers?: Readonly<Record<string, string>>;
  /** A string or buffer as it is, with its `content-type` in `headers`; anything else as JSON. */
  body?: unknown;
}

/** A request of a bulk route, as it is sent to the thread: checked but for its body. */
export interface BulkRequest extends Omit<AdminRequest, 'query' | 'body' | 'signal'> {
  operationId: string;
  query: string;
  body: Uint8Array;
}
