import type { AccessSetting, AdminRole, Settings } from '../config/settings-schema.js';
import type { BulkControl } from './bulk-control.js';
import type { Control } from './control.js';
import type { AdminAnswer, AdminRequest } from './request.js';

export type { AdminAnswer, AdminRequest } from './request.js';

/** One operation of the control plane: its address, who may use it, its description, its code. */
export type AdminRoute = RouteDescription & (LightHandler | BulkHandler);

interface LightHandler {
  bulk?: never;
  handle(request: AdminRequest, control: Control): Promise<AdminAnswer> | AdminAnswer;
}

/** Of a route that takes a document, or answers with one: handled in a thread of its own. */
interface BulkHandler {
  bulk: true;
  handle(request: AdminRequest, control: BulkControl): Promise<AdminAnswer>;
}

interface RouteDescription {
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
  /** True where operators may do it too. */
  operators?: boolean;
  /** Largest body by the role of the admin key, where it is another than that of all. */
  maxBodyBytes?: Readonly<Record<AdminRole, number>>;
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
