import type { AnsweredDialect, Dialect } from './dialect.js';
import type { SessionMessages } from './socket.js';

/** A path that answers requests for a model, sent to a provider. */
export interface ModelEndpoint {
  readonly kind: 'model_request';
  readonly method: 'POST';
  /** Names it in metrics, logs and OpenAPI. `{model}` stands for the model in the path. */
  readonly pattern: string;
  /** Below a provider's base URL, which includes the version. */
  readonly path: string;
  readonly dialect: Dialect;
  readonly document: EndpointDocument;
  /** Set if it takes a form with files. */
  readonly form?: {
    /** True if it takes no JSON. */
    readonly only: boolean;
    /** The default model of a form that names none; null: it must name one. */
    readonly defaultModel: string | null;
  };
  /** Null: models are not probed here. */
  readonly probe: EndpointProbe | null;
  /** True if a request uses a token of its key's rate limit. */
  readonly limited: boolean;
}

/** A path that is served by WebSocket, relayed to a provider. */
export interface SocketEndpoint extends Pick<ModelEndpoint, 'pattern' | 'path' | 'dialect'> {
  readonly kind: 'socket';
  readonly method: 'GET';
  readonly messages: SessionMessages;
  readonly document: Pick<EndpointDocument, 'operationId' | 'summary'>;
}

/** Objects created by clients at a provider: all of a kind, or one by its id. */
export interface ResourceEndpoint extends Pick<ModelEndpoint, 'path' | 'dialect'> {
  readonly kind: 'resource';
  readonly method: null;
  readonly methods: readonly ('GET' | 'POST' | 'DELETE')[];
  /** Ends with `{id}` for a single one. */
  readonly pattern: string;
  /** For the OpenAPI document: the singular, such as `file`. */
  readonly noun: string;
  /** True if one of them may refer to any model, unknown to the gateway. */
  readonly hidesModels: boolean;
  /** The API of clients that send `anthropic-version`, where it has the same path; null: none. */
  readonly anthropic: Dialect | null;
}

/** An endpoint whose requests are relayed to a provider. */
export type ServedEndpoint = ModelEndpoint | SocketEndpoint | ResourceEndpoint;

/** The dialect and path of requests to a provider. */
export interface AskedEndpoint {
  readonly dialect: AnsweredDialect;
  /** Like that of a model endpoint; empty where the provider has a path for each model. */
  readonly path: string;
}

/** For the OpenAPI document. */
export interface EndpointDocument {
  operationId: string;
  summary: string;
  /** Maker of the API. */
  maker: 'OpenAI' | 'Anthropic' | 'Cohere' | 'Google';
  required: string[];
  properties: object;
  example: object;
  /** Properties of the answer, or the media type of one that is not JSON. */
  answer: object | string;
  /** Describes its streams; null where it has none. */
  stream: string | null;
  /** Schema of its errors; null: OpenAI's. */
  errorSchema: object | null;
}

/** The cheapest request that shows whether a provider answers here. */
export interface EndpointProbe {
  /** Names of the models served only by this endpoint; null: all others. */
  readonly models: RegExp | null;
  body(model: string): object;
}

/** A path that the gateway answers itself. */
export interface OwnEndpoint {
  readonly kind: 'models' | 'model' | 'hello' | 'health' | 'control';
  /** Null: only the control process knows them. */
  readonly method: 'GET' | null;
  /** `{…}` stands for the rest of a path; a control path includes everything below it. */
  readonly pattern: string;
}

export type Endpoint = ServedEndpoint | OwnEndpoint;
