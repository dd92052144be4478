import type { AnsweredDialect } from '../../dialects/dialect.js';
import type { ServedEndpoint } from '../../dialects/endpoint.js';
import type { ErrorKind } from '../../dialects/errors/error-kind.js';
import type { ModelRequest } from '../../dialects/head.js';
import type { ReadOnce } from '../../dialects/translate/way.js';
import type { Route } from '../../routing/snapshot.js';
import type { Attempt } from '../../upstream/attempt.js';
import type { Upload } from '../request/upload.js';
import type { ClientSecret } from '../socket/client-secret.js';
import type { Translated } from './translate.js';

/** A request for a model, ready to be sent. */
export interface PlannedRequest {
  request: ModelRequest;
  /** The body if it is relayed as it arrives; null: it is in the request. */
  upload?: Upload | null;
  /** The routes to try: the model's own, then those of its fallback models. */
  routes: readonly Route[];
  endpoint: ServedEndpoint;
  /** Absent: the endpoint's method. */
  method?: 'GET' | 'POST' | 'DELETE';
  /** Absent: the client's query. */
  query?: string;
  /** Headers of a WebSocket handshake, flat; null: not a WebSocket. */
  upgrade?: readonly string[] | null;
  /** Opens a session in place of the provider's key. */
  secret?: ClientSecret | null;
  readonly read: ReadOnce;
  /** Routes per fallback model for a request that a provider refuses because of its content. */
  routesOfKind(kind: ErrorKind): (readonly Route[])[];
}

/** An attempt whose answer is passed on. */
export interface Answer {
  attempt: Attempt;
  /** The dialect of the provider's answer. */
  dialect: AnsweredDialect;
  /** Null where that is the client's own dialect. */
  translated: Translated | null;
  /** True if usage was requested for the stream though the client did not ask for it. */
  hidesUsage: boolean;
  /** Maximum total time of the request, in milliseconds. */
  totalMs: number;
}
