import type { AnsweredDialect } from '../../dialects/dialect.js';
import type { ServedEndpoint } from '../../dialects/endpoint.js';
import type { ErrorKind } from '../../dialects/errors/error-kind.js';
import type { ModelRequest } from '../../dialects/head.js';
import type { ReadOnce } from '../../dialects/translate/way.js';
import type { Route } from '../../routing/snapshot.js';
import { Attempt } from '../../upstream/attempt.js';
import type { Translated } from './translate.js';
import type { Upload } from '../request/upload.js';

/** A request for a model, ready to be sent. */
export interface PlannedRequest {
  request: ModelRequest;
  /** Its body where that is passed on as it arrives; null: it is in the request. */
  upload?: Upload | null;
  /** The routes to try: the model's own, then those of its fallback models. */
  routes: readonly Route[];
  endpoint: ServedEndpoint;
  /** Set if it is not the endpoint's. */
  method?: 'GET' | 'POST' | 'DELETE';
  /** In place of the client's query. */
  query?: string;
  /** Headers of the handshake of a WebSocket, flat; null: it is none. */
  upgrade?: readonly string[] | null;
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
  /** The stream was asked for its usage though the client did not ask. */
  hidesUsage: boolean;
  /** Maximum total time of the request, in milliseconds. */
  totalMs: number;
}
