import type { ChangeControl } from '../changes/change-control.js';
import type { AccessSetting, AdminRole, Settings } from '../config/settings/settings-types.js';
import type { Control } from './control.js';
import type { AdminAnswer, AdminRequest } from './request.js';

export type { AdminAnswer, AdminRequest } from './request.js';

/** One operation of the control plane: address, access, description and handler. */
export type AdminRoute = RouteDescription & (LightHandler | BulkHandler);

interface LightHandler {
  bulk?: never;
  handle(request: AdminRequest, control: Control): Promise<AdminAnswer> | AdminAnswer;
}

/** The handler of a route that takes or returns a document; it runs in a thread of its own. */
interface BulkHandler {
  bulk: true;
  handle(request: AdminRequest, control: ChangeControl): Promise<AdminAnswer>;
}

/** An operation that a command can also run by itself, where no daemon runs. */
export type ChangeRoute = RouteDescription & {
  bulk?: true;
  handle(request: AdminRequest, control: ChangeControl): Promise<AdminAnswer>;
};

/** The address, access and description of an operation. */
export interface RouteDescription {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With parameters in braces, as in OpenAPI: `/admin/v1/providers/{id}`. */
  path: string;
  access: Access | ((settings: Settings) => AccessSetting);
  /**
   * The operation object of the OpenAPI document. Requests are validated against the schemas of its
   * parameters and JSON body before `handle` is called.
   */
  operation: Operation;
  /** True for a method other than GET that changes nothing: viewers may use it. */
  readOnly?: boolean;
  /** True if only the role admin may even read it: it shows clients' prompts. */
  adminsOnly?: boolean;
  /** True where operators may use it too. */
  operators?: boolean;
  /** True where a role of one team may use it: the handler then keeps to that team. */
  teams?: boolean;
  /** True for the operation that begins a session: it also takes a one-time code as the key. */
  signsIn?: boolean;
  /** True if only the console needs it: unknown while the console is off. */
  console?: boolean;
  /** Maximum body by role of the admin key, where it differs from the common one. */
  maxBodyBytes?: Readonly<Partial<Record<AdminRole, number>>>;
}

/** `admin`: needs the admin key. */
export type Access = 'admin' | 'open';

/** The used subset of an OpenAPI 3.1 operation. */
export interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  parameters?: readonly Parameter[];
  requestBody?: { required: boolean; content: { 'application/json': { schema: object } } };
  /** Responses of success; those of errors are added when the document is built. */
  responses: Record<string, object>;
}

/** `admin` routes refuse query parameters that they do not list. */
export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  description?: string;
  schema: object;
}
