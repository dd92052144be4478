import type { IncomingHttpHeaders } from 'node:http';
import type { AdminRole } from '../config/settings-schema.js';

/** The actor of a request that needed no admin key. */
export const anonymous = 'anonymous';

export interface AdminRequest {
  /** Decoded values of the path's parameters. */
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
  /** Aborted when the client leaves before the answer. */
  signal: AbortSignal;
  /** The author for the history: `admin:NAME`, `cli:USER@HOST`; `anonymous` without an admin key. */
  actor: string;
  /** True for a command of this machine, whose user may use every secret of the machine. */
  isCommand: boolean;
  /** The admin key's role; `viewer` where none was needed. */
  role: AdminRole;
}

export interface AdminAnswer {
  status: number;
  headers?: Readonly<Record<string, string>>;
  /** Text, bytes and streams are sent unchanged, with `content-type` in `headers`; all else as JSON. */
  body?: unknown;
}

/** A request of a bulk route in the form sent to the thread, with its body not checked yet. */
export interface BulkRequest extends Omit<AdminRequest, 'query' | 'body' | 'signal'> {
  operationId: string;
  query: string;
  body: Uint8Array;
}
