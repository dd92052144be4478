import type { IncomingHttpHeaders } from 'node:http';
import type { AdminRole } from '../config/settings/settings-types.js';
import type { AdminKey } from './access/authenticate.js';
import type { Session } from './session/sessions.js';

/** The actor of a request that needed no admin key. */
export const anonymous = 'anonymous';

export interface AdminRequest extends SignedIn {
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
  /** The role of the admin key or session; `viewer` where none was needed. */
  role: AdminRole;
}

/** Needed by sign-in only. */
interface SignedIn {
  /** The admin key; null in a session, and where none was needed. */
  key: AdminKey | null;
  /** The session of the console that the request was made in. */
  session: Session | null;
  /** True where the client came by TLS. */
  isSecure: boolean;
}

/** For requests in which nobody can sign in. */
export const noSignIn = { key: null, session: null, isSecure: false } as const;

export interface AdminAnswer {
  status: number;
  headers?: Readonly<Record<string, string>>;
  /** Text, bytes and streams are sent unchanged, with `content-type` in `headers`; all else as JSON. */
  body?: unknown;
}

/** A request of a bulk route in the form sent to the thread, with its body not checked yet. */
export interface BulkRequest
  extends Omit<AdminRequest, 'query' | 'body' | 'signal' | keyof SignedIn> {
  operationId: string;
  query: string;
  body: Uint8Array;
}
