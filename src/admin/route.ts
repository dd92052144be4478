import type { IncomingHttpHeaders } from 'node:http';
import type { AccessSetting, Settings } from '../config/settings-schema.js';
import type { Control } from './control.js';

/** One operation of the control plane: its address, who may use it, its description, its code. */
export interface AdminRoute {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With parameters in braces, as in OpenAPI: `/admin/v1/providers/{id}`. */
  path: string;
  access: Access | ((settings: Settings) => AccessSetting);
  /**
   * The operation object of the OpenAPI document. The schemas of its parameters and of its JSON
   * request body are also what a request is checked against before `handle` is called.
   */
  operation: Operation;
  /** True where a method other than GET changes nothing either, and so is open to viewers. */
  readOnly?: boolean;
  /** Largest body, where it is another than that of all. */
  maxBodyBytes?: number;
  handle(request: AdminRequest, control: Control): Promise<AdminAnswer> | AdminAnswer;
}

/** `admin`: needs the admin key. */
export type Access = 'admin' | 'open';

/** The part of an OpenAPI 3.1 operation that we use. */
export interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  parameters?: readonly Parameter[];
  requestBody?: { required: boolean; content: { 'application/json': { schema: object } } };
  /** Of success; those of errors are added where the document is made. */
  responses: Record<string, object>;
}

/** A query parameter that an `admin` route does not list is refused by name. */
export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  description?: string;
  schema: object;
}

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
  /** Who asks, for the history: `admin:NAME` of the admin key; `anonymous` where none was needed. */
  actor: string;
}

export interface AdminAnswer {
  status: number;
  headers?: Readonly<Record<string, string>>;
  /** A string or buffer as it is, with its `content-type` in `headers`; anything else as JSON. */
  body?: unknown;
}
