import type { Budget } from './rows/budget.js';
import type { CachePurge, CacheRules } from './rows/cache.js';
import type { Canary } from './rows/canary.js';
import type { Guardrail } from './rows/guardrail.js';
import type { Limits } from './rows/limits.js';
import type { Mirror } from './rows/mirror.js';
import type { Price, PriceSheet } from './rows/price.js';
import type { Stop } from './rows/stop.js';

/**
 * The configuration that routing is built from: what Postgres and the override files say, merged
 * and validated. Plain data, so that it can cross a process boundary.
 */
export interface Configuration {
  /** `config_version.version` of the rows read; a change of an override file does not raise it. */
  version: number;
  providers: Provider[];
  teams: Team[];
  credentials: Credential[];
  /** The operator's prices; this and the following are absent in files of older versions. */
  prices?: Price[];
  budgets?: Budget[];
  stops?: Stop[];
  guardrails?: Guardrail[];
  /** Purges of the last days, by id; only rows have them. */
  purges?: CachePurge[];
  mirrors?: Mirror[];
  canaries?: Canary[];
}

/** An upstream API that requests are sent to. */
export interface Provider {
  /** Unique name, chosen by the operator. */
  provider_key: string;
  /** Kind of provider: its location, authentication and dialects. */
  provider_type: ProviderType;
  /**
   * Base URL up to and including the version segment, such as `https://api.openai.com/v1`; of
   * `azure` the resource's, with or without `/openai/v1`; of `bedrock` that of its runtime.
   */
  api_base: string;
  /** Secret. */
  api_key: string;
  /** Model asked for → model sent. Keys may be exact, wildcards (`gpt-4*`) or `/regex/`. */
  model_mapping: Record<string, string>;
  /** Share of the traffic among the providers of a model; 0 is for failover only. */
  weight: number;
  /** Settings of this provider alone. */
  provider_params: ProviderParams;
  /** Prices of its requests, once the configuration is active; absent: none are known. */
  prices?: PriceSheet;
  is_enabled: boolean;
}

/** The fields of a new provider that need not be given. */
export const newProvider = {
  provider_type: 'openai',
  model_mapping: {},
  weight: 1,
  provider_params: {},
  is_enabled: true,
} satisfies Partial<Provider>;

/** Durations are milliseconds; an absent one defaults to the daemon's setting. */
export interface ProviderParams {
  /** Extra request headers. */
  headers?: Record<string, string>;
  /** Additional client headers to pass on; `*` at the end of a name is a wildcard. */
  forward_headers?: string[];
  /** For HTTPS: files of PEM on the daemon's machine. */
  tls?: ProviderTls;
  /** Proxy in place of that of the settings, without a user; `none`: no proxy. */
  proxy?: string;
  /** True: always HTTP/2; absent: only if the server offers nothing else by ALPN. */
  http2?: boolean;
  /** Parameters added to the query of each request. */
  query?: Record<string, string>;
  /** 0 by default; providers with a higher number are used only when all with lower ones fail. */
  priority?: number;
  /** Maximum requests in flight to it, over all workers. */
  max_concurrency?: number;
  timeouts?: Timeouts;
  /** Timeouts for models sent under these names or wildcards; the first that matches counts. */
  model_timeouts?: Record<string, Timeouts>;
  /** For `azure`: the `api-version` that requests name. */
  api_version?: string;
  /** For `bedrock`: the region that requests are signed for; absent: that of `api_base`. */
  region?: string;
  /** For `vertex`: the project, and the location of its models. */
  project?: string;
  location?: string;
  /** Source of a cloud's credentials for the control process; absent: `api_key` is enough. */
  auth?: ProviderAuth;
  /** The credentials; never stored, secret. */
  fetched?: FetchedCredentials;
  /** For `openai`: the APIs that the server has; absent: all, but responses at OpenAI only. */
  operations?: OpenaiOperation[];
  /** Policy for requests that lose something in translation; absent: `warn`. */
  losses?: LossPolicy;
  /** Surcharge on the prices of its models, in percent; negative: a discount. */
  markup_percent?: number;
  /** False: the provider refuses `stream_options`, so streams are not asked for their usage. */
  stream_usage?: boolean;
  /** Tests the provider periodically, independently of client traffic. */
  probe?: {
    interval_ms: number;
    /** Clients' name of the model; absent: the first in the mapping, else its list of models. */
    model?: string;
  };
}

export interface ProviderTls {
  /** Authorities that its certificate may come from, in place of the system's. */
  ca_file?: string;
  /** Our certificate, if it wants one, and its key. */
  cert_file?: string;
  key_file?: string;
  /** Contents of the files, once they are read; secret. */
  pem?: Readonly<Partial<Record<'ca' | 'cert' | 'key', string>>>;
}

/** Source of a cloud's credentials. Members without a meaning for the method are ignored. */
export interface ProviderAuth {
  method: AuthMethod;
  /** For `profile`: its name in the files of AWS's tools; absent: `default`. */
  profile?: string;
  /** For `web_identity`: the role; absent: that of AWS's variables. */
  role_arn?: string;
  /** For `web_identity`, and `workload_identity` at Azure: the file with the token. */
  token_file?: string;
  /** At Azure: the directory, and the application or the identity. */
  tenant_id?: string;
  client_id?: string;
}

export const authMethods = {
  azure: ['api_key', 'client_secret', 'managed_identity', 'workload_identity'],
  vertex: ['api_key', 'environment', 'metadata'],
  bedrock: ['api_key', 'environment', 'profile', 'web_identity', 'container', 'imds', 'default'],
} as const;
export type AuthMethod = (typeof authMethods)[keyof typeof authMethods][number];

export type FetchedCredentials =
  | { bearer: string }
  | { accessKeyId: string; secretAccessKey: string; sessionToken: string | null };

export interface Timeouts {
  connect_ms?: number;
  first_byte_ms?: number;
  idle_ms?: number;
  total_ms?: number;
}

export const openaiOperations = [
  'chat',
  'completions',
  'embeddings',
  'files',
  'images',
  'moderations',
  'realtime',
  'rerank',
  'responses',
  'speech',
  'transcriptions',
] as const;
export type OpenaiOperation = (typeof openaiOperations)[number];

export const lossPolicies = ['strict', 'warn', 'allow'] as const;
export type LossPolicy = (typeof lossPolicies)[number];

export const providerTypes = [
  'openai',
  'azure',
  'anthropic',
  'gemini',
  'vertex',
  'bedrock',
  'cohere',
] as const;
export type ProviderType = (typeof providerTypes)[number];

/** Keys that have models and limits in common. */
export interface Team {
  /** Row id; null for one that exists only in an override file. */
  id: number | null;
  /** Unique. */
  name: string;
  /** Model names or wildcards that its keys may use; null and `["*"]` are all. */
  allowed_models: string[] | null;
  /** Limits of all its keys together. */
  limits: Limits;
  /** Its share where requests wait, against other teams. */
  weight: number;
  /** Tags of its keys' requests. */
  tags: string[];
  /** People responsible for it; signed in by OpenID, they manage it. */
  admins: string[];
  /** Cache rules of keys that have none of their own; null or absent: nothing is cached. */
  cache?: CacheRules | null;
}

/** The fields of a new team that need not be given. */
export const newTeam = {
  allowed_models: ['*'],
  limits: {},
  weight: 1,
  tags: [],
  admins: [],
  cache: null,
} satisfies Partial<Team>;

/** A key that a client authenticates with. The key itself is never kept, only its hash. */
export interface Credential {
  /** Row id; null for one that exists only in an override file. */
  id: number | null;
  /** SHA-256 of the key, lower-case hex. */
  credential_key: string;
  name: string;
  /** Model names or wildcards that this key may use; null and `["*"]` are all. */
  allowed_models: string[] | null;
  /** Requests a second; 0 blocks all, null is unlimited. */
  rate_limit: number | null;
  /** Maximum burst of a key with a `rate_limit`; absent or null: the `rate_limit`. */
  burst?: number | null;
  is_enabled: boolean;
  /** The key, masked for display, such as `sk-…abcd`. */
  key_preview: string;
  /** The key is refused from this time on: ISO 8601; absent or null: never. */
  expires_at?: string | null;
  /** The key before a rotation, as `credential_key`; it is valid until `previous_expires_at`. */
  previous_key?: string | null;
  /** ISO 8601. */
  previous_expires_at?: string | null;
  /** Labels to find the key by; its requests get them too. */
  tags?: string[];
  /** True if bodies of its requests and answers are stored; absent: false. */
  store_bodies?: boolean;
  /** Policy for losses of translation; absent or null: that of each provider. */
  losses?: LossPolicy | null;
  /** Addresses and networks (CIDR) that it may be used from; absent or null: all. */
  allowed_ips?: string[] | null;
  /** The team that it belongs to, by name; absent or null: none. */
  team?: string | null;
  /** Beside `rate_limit`; absent: none. */
  limits?: Limits;
  /** Its share where requests wait, against other keys of its team; absent: 1. */
  weight?: number;
  /** Priority in queues: keys of its team with a higher one go first; absent: 0. */
  priority?: number;
  /** Cache rules; absent or null: those of its team. */
  cache?: CacheRules | null;
}

/** The fields of a new key that need not be given. */
export const newCredential = {
  key_preview: '',
  allowed_models: ['*'],
  rate_limit: null,
  is_enabled: true,
} satisfies Partial<Credential>;
