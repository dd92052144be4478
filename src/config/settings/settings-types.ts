/** The settings of the daemon; see `settingsSchema`. */
export interface Settings {
  server: {
    host: string;
    port: number;
    engine: 'auto' | 'net' | 'hyper-express' | 'node';
    /** Worker processes; `auto` is one per core less one, and at least one. */
    workers: number | 'auto';
    max_body_bytes: number;
    /** From the head of a request to the end of its body. */
    body_timeout_ms: number;
    /** A client that reads nothing of its answer for this long is disconnected. */
    stalled_reader_timeout_ms: number;
    /** A stream that is silent for this long gets a comment; 0: never. */
    keepalive_ms: number;
    grace_period_ms: number;
    /** Time that workers keep serving without a control process. */
    orphan_grace_ms: number;
    /**
     * Addresses and networks of proxies that are trusted to report the client's address; `unix:`
     * for whatever connects to a unix socket of the gateway.
     */
    trusted_proxies: string[];
    /** True where these proxies start each connection with a PROXY protocol header. */
    proxy_protocol: boolean;
    /** Names by which clients reach this machine. */
    hosts: string[];
    /** Origins of pages that may use the APIs for models from a browser; `*`: all. */
    cors_origins: string[];
    /** Maximum connections per worker from one address, except trusted proxies. */
    max_connections_per_address: number;
    tls: TlsSettings;
  };
  database: {
    url: string | null;
    /** The URL to listen for changes on, if `url` is a pooler, which forwards no notifications. */
    listen_url: string | null;
    /** Maximum connections for queries; one to listen and up to two for reports are extra. */
    pool_size: number;
    /** Memory that the embedded server is sized for; `machine`: half of what there is. */
    embedded_memory_mb: number | 'machine';
  };
  fleet: {
    /** `valkey://` or `rediss://` URL of the Valkey or Redis to share limits by; null: the database. */
    valkey_url: string | null;
    /** File with the certificates of its authorities, if not those of the system. */
    valkey_ca: string | null;
  };
  admin: {
    key: string | null;
    /** `host:port` or `unix:/path` of the admin API's own listener; null: on the main port. */
    listen: string | null;
    /** TLS of that listener. */
    tls: TlsSettings;
    /** Further keys, by name. */
    keys: AdminKeySetting[];
    /** Addresses and networks that may use the admin API; empty: all. */
    allow_from: string[];
  };
  console: {
    /** False: `/console` is not served, and nobody can sign in. */
    enabled: boolean;
    /** URL of the gateway for browsers, such as `https://llm.example.com`; null: unknown. */
    url: string | null;
    /** Lifetime of a sign-in. */
    session_ms: number;
    oidc: {
      /** Null: people sign in with admin keys only. */
      issuer: string | null;
      client_id: string | null;
      client_secret: string | null;
      scope: string;
      /** The claim that names a person in the audit log. */
      name_claim: string;
      /** The claim with the groups or roles of a person; a path in dots leads into objects. */
      role_claim: string;
      /** A value of that claim → the role that it gives. */
      roles: Record<string, AdminRole>;
    };
  };
  auth: 'on' | 'off';
  routing: {
    provider_suffix: string;
    strategy: StrategyName;
    /**
     * Requests of one session prefer one provider, whose prompt cache is warm then. `session`: where
     * the client names it; `prefix`: else those whose prompts begin alike.
     */
    affinity: 'off' | 'session' | 'prefix';
    /** Maximum attempts for one request, over all providers and fallback models. */
    max_attempts: number;
    /** Stage at which a stream is passed on; until then another attempt can replace it. */
    hold_streams: 'first_content' | 'first_event';
    /** Model → models to try, in order, when no provider of it answers. */
    fallbacks: Record<string, string[]>;
    /** The same for requests that are too long for a model; without an entry: `fallbacks`. */
    context_length_fallbacks: Record<string, string[]>;
    /** The same for requests that a model refuses by its content policy. */
    content_policy_fallbacks: Record<string, string[]>;
  };
  upstream: {
    connect_timeout_ms: number;
    /** From sending the request to the head of the answer. */
    first_byte_timeout_ms: number;
    /** Between two pieces of an answer. */
    idle_timeout_ms: number;
    /** Over all attempts, from the request to the end of the answer. */
    total_timeout_ms: number;
    max_connections_per_provider: number;
    /** Policy for providers at loopback or private addresses. */
    private_addresses: PrivateAddresses;
    /** Proxy for providers at `https:`, and for those at `http:`; null: none. */
    https_proxy: string | null;
    http_proxy: string | null;
    /** Hosts, networks and ports that are reached without a proxy, separated by commas. */
    no_proxy: string | null;
    /** True if media that a client gives by URL are fetched for providers that need their content. */
    fetch_media: 'off' | 'public' | 'any';
    /** Maximum for all media of a request. */
    max_media_bytes: number;
  };
  secrets: {
    /** Keys that encrypt providers' keys; null: see `key_file`. */
    key: string | null;
    /** File with these keys; null: systemd's credential `secret_key`, else the data directory. */
    key_file: string | null;
    /** Variables that an admin key may use in references; `*` stands for any characters. */
    allowed_variables: string[];
    /** Folders of the files that an admin key may use in references. */
    allowed_directories: string[];
    /**
     * Methods of `provider_params.auth` that use the machine's identity and that admin keys may
     * still use.
     */
    allowed_auth_methods: string[];
    /** True if commands that AWS's profiles name as `credential_process` are run. */
    allow_credential_process: boolean;
  };
  usage: {
    /** Days to keep rows of `request_logs`; 0: for ever. */
    retention_days: number;
    /** Days to keep sums by hour and day, at least as long as rows; 0: for ever. */
    rollup_retention_days: number;
    /** Maximum rows waiting in memory while the database is down. */
    max_queued_rows: number;
    /** Maximum bytes of rows waiting on disk. */
    max_spool_bytes: number;
    /** Rows for another system, as NDJSON by HTTP. */
    export: {
      /** Null: nothing is exported. */
      url: string | null;
      /** Values may refer to a secret: `env:NAME`, `file:/path`. */
      headers: Record<string, string>;
      gzip: boolean;
      batch_rows: number;
      /** For one batch. */
      timeout_ms: number;
    };
  };
  limits: {
    /** Maximum requests to providers in flight, over all workers; null: no cap. */
    max_concurrency: number | null;
    /** Maximum requests waiting for a slot, per worker; further ones are refused at once. */
    max_queue: number;
    queue_timeout_ms: number;
    /** A worker whose event loop is delayed by more than this refuses requests for models. */
    max_event_loop_delay_ms: number;
  };
  /** Memory for cached answers; keys and teams select what is cached. */
  cache: {
    /** Maximum memory for them, per worker. */
    max_bytes: number;
    /** A larger answer is not cached. */
    max_answer_bytes: number;
    /** Time to live of a cached answer, unless its key or team sets another. */
    ttl_ms: number;
    /** Bytes of the answers that machines share in the Valkey of the fleet; 0: none. */
    valkey_max_bytes: number;
  };
  log: {
    level: 'error' | 'warn' | 'info' | 'debug';
    requests: boolean;
    /** OTLP receiver of the log, as `traces.endpoint`. */
    otlp: string | null;
  };
  metrics: {
    /** OTLP receiver of the metrics, as `traces.endpoint`. */
    otlp: string | null;
    otlp_interval_ms: number;
    /** Clients that may read `/metrics`. */
    access: AccessSetting;
    /** Providers with series of their own. */
    max_providers: number;
    /** Pairs of a model and a provider with series of their own. */
    max_model_provider_pairs: number;
  };
  traces: TraceSettings;
  health: {
    /** Clients that may read the details of `/health` without the admin key. */
    details: AccessSetting;
    /** Clients that may start a test of all providers with `/health/detailed`. */
    detailed_access: AccessSetting;
    /** Time that the result of such a test is reused. */
    detailed_cache_ms: number;
    /** Timeout of one test request. */
    probe_timeout_ms: number;
    /** Concurrent test requests when all providers are tested. */
    max_concurrent_probes: number;
    /** Interval of reading the models of providers without a full mapping; 0: never. */
    discover_models_ms: number;
  };
  data_dir: string;
  /** Folder of the override files; null: `overrides.d` next to the settings file. */
  overrides_dir: string | null;
}

/**
 * Callers that need no admin key: none (`admin`), this machine (`local`), everybody (`open`), or
 * this machine if only it can reach the listener (`auto`).
 */
export type AccessSetting = 'auto' | 'local' | 'admin' | 'open';

/** Traces by OTLP over HTTP. Metrics and log use the same connection settings. */
export interface TraceSettings {
  /** URL of an OTLP receiver, with or without `/v1/traces`; null: requests are not traced. */
  endpoint: string | null;
  /** Headers of each export; a value may be `env:NAME` or `file:/path`. */
  headers: Record<string, string>;
  /** Files in PEM: authorities that replace the system's, and a client certificate with its key. */
  tls: { ca: string | null; cert: string | null; key: string | null };
  /** Timeout of one export. */
  timeout_ms: number;
  compression: 'none' | 'gzip';
  /** Share of requests, from 0 to 1; a client's sampled `traceparent` decides for its own. */
  sample_ratio: number;
  /** True: failed requests are exported even where not sampled. */
  sample_errors: boolean;
  /** Requests that take longer are exported even where not sampled; null: none. */
  slow_ms: number | null;
  /** True: prompts and answers are included, for keys with `store_bodies`. */
  text: boolean;
  /** Maximum requests, log records or sets of metrics that wait for the collector. */
  max_queue: number;
  service_name: string;
  /** Further attributes of the resource. */
  resource: Record<string, string>;
}

/** Files in PEM; without `cert` and `key` a listener speaks plain HTTP. */
export interface TlsSettings {
  cert: string | null;
  key: string | null;
  /** Authority that clients' certificates must come from; null: clients need none. */
  client_ca: string | null;
}

/** A further key of the admin API, given in clear or as its SHA-256 in hex. */
export interface AdminKeySetting {
  name: string;
  key?: string;
  key_sha256?: string;
  role: AdminRole;
  /** Expiry: ISO 8601, or a day in UTC. */
  expires_at?: string;
}

/**
 * `viewer`: may read everything and change nothing. `operator`: may also change providers. `admin`:
 * may do everything. `team:NAME`: sees that team's usage and manages its keys, and nothing else.
 */
export type AdminRole = 'admin' | 'operator' | 'viewer' | `team:${string}`;

/** The team that a role is limited to; null: it sees all. */
export function teamOfRole(role: AdminRole): string | null {
  return role.startsWith('team:') ? role.slice('team:'.length) : null;
}

/** True for a role that changes more than the keys of a team. */
export function mayChange(role: AdminRole): boolean {
  return role === 'admin' || role === 'operator';
}

export const strategyNames = [
  'weighted_round_robin',
  'weighted_random',
  'latency',
  'least_busy',
] as const;

export type StrategyName = (typeof strategyNames)[number];

export type PrivateAddresses = 'allow' | 'deny';

/** Values from the command line, by the schema's `flag` names, and the settings file. */
export interface SettingsFlags {
  config?: string;
  host?: string;
  port?: string;
  engine?: string;
  workers?: string;
  dbUrl?: string;
  dataDir?: string;
  logLevel?: string;
}
