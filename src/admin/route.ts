import type { IncomingHttpHeaders } from 'node:http';
import type { Control } from './control.js';

/** One operation of the control plane: its address, who may use it, its description, its code. */
export interface AdminRoute {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With parameters in braces, as in OpenAPI: `/admin/v1/providers/{id}`. */
  path: string;
  /** `admin`: needs the admin key; `local`: needs it from elsewhere than this machine. */
  access: 'admin' | 'local' | 'open';
  /**
   * The operation object of the OpenAPI document. The schema of its JSON request body is also what
   * the body is checked against before `handle` is called.
   */
  operation: Operation;
  handle(request: AdminRequest, control: Control): Promise<AdminAnswer> | AdminAnswer;
}

/** The part of an OpenAPI 3.1 operation that we use. */
export interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  parameters?: object[];
  requestBody?: { required: boolean; content: { 'application/json': { schema: object } } };
  responses: Record<string, object>;
}

export interface AdminRequest {
  /** Values of the path's parameters, decoded. */
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  /** The JSON body, checked against the operation's schema; undefined when it has none. */
  body: unknown;
  /** The client's address. */
  remoteAddress: string;
  requestId: string;
}

export interface AdminAnswer {
  status: number;
  headers?: Readonly<Record<string, string>>;
  /** A string or buffer as it is, with its `content-type` in `headers`; anything else as JSON. */
  body?: unknown;
}
