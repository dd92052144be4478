import { authMethods } from '../configuration.js';
import { maxTtlMs } from '../rows/cache.js';
import { timePattern } from '../rows/time-pattern.js';
import { strategyNames } from './settings-types.js';

const rolePattern = '^(?:admin|operator|viewer|team:.{1,100})$';

const duration = { type: 'integer', minimum: 1, maximum: 86_400_000 } as const;

const list = {
  type: 'array',
  maxItems: 1_000,
  items: { type: 'string', minLength: 1 },
  default: [],
} as const;

/** The form of `Origin` in browsers: no path and no slash at the end. */
const originPattern = '^(\\*|null|[a-z][a-z0-9+.-]*://[^/\\s*]+)$';

const modelLists = {
  type: 'object',
  additionalProperties: { type: 'array', items: { type: 'string', minLength: 1 } },
  default: {},
} as const;

/** Other programs read these variables in lower case, too. */
const proxy = {
  type: ['string', 'null'],
  default: null,
  secret: true,
  envLower: true,
} as const;

const access = {
  type: 'string',
  enum: ['auto', 'local', 'admin', 'open'],
  default: 'auto',
} as const;

const pemFile = { type: ['string', 'null'], pattern: '^/', default: null } as const;

const otlpUrl = {
  type: ['string', 'null'],
  pattern: '^https?://[^\\s?#@/]+(?:/[^\\s?#@]*)?$',
  default: null,
} as const;

/** OpenTelemetry has a variable for traces, and one for all that is exported. */
const otlpVariable = <N extends string>(name: N) =>
  ({
    env: `OTEL_EXPORTER_OTLP_TRACES_${name}`,
    envAlso: `OTEL_EXPORTER_OTLP_${name}`,
  }) as const;

const section = <P extends object>(properties: P) =>
  ({ type: 'object', additionalProperties: false, properties }) as const;

/**
 * Every setting of the daemon: its type, default, environment variable and flag. This table is the
 * only source; `config/llmproxy.example.yaml` and docs/configuration.md explain it.
 */
export const settingsSchema = section({
  server: section({
    host: { type: 'string', minLength: 1, default: '0.0.0.0', env: 'HOST', flag: 'host' },
    port: {
      type: 'integer',
      minimum: 0,
      maximum: 65_535,
      default: 18_000,
      env: 'PORT',
      flag: 'port',
    },
    engine: {
      type: 'string',
      enum: ['auto', 'net', 'hyper-express', 'node'],
      default: 'auto',
      env: 'LLMPROXY_ENGINE',
      flag: 'engine',
    },
    workers: {
      anyOf: [
        { type: 'integer', minimum: 1, maximum: 256 },
        { type: 'string', const: 'auto' },
      ],
      default: 'auto',
      env: 'LLMPROXY_WORKERS',
      flag: 'workers',
    },
    max_body_bytes: {
      type: 'integer',
      minimum: 1024,
      maximum: 1_073_741_824,
      default: 33_554_432,
    },
    body_timeout_ms: { ...duration, default: 120_000 },
    stalled_reader_timeout_ms: { ...duration, default: 120_000 },
    keepalive_ms: { ...duration, minimum: 0, default: 15_000 },
    grace_period_ms: { ...duration, default: 30_000 },
    orphan_grace_ms: { ...duration, minimum: 0, default: 60_000 },
    trusted_proxies: list,
    proxy_protocol: { type: 'boolean', default: false },
    hosts: list,
    cors_origins: { ...list, items: { type: 'string', pattern: originPattern } },
    max_connections_per_address: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 4_096,
    },
    tls: section({ cert: pemFile, key: pemFile, client_ca: pemFile }),
  }),
  database: section({
    url: {
      type: ['string', 'null'],
      default: null,
      secret: true,
      env: 'DB_URL',
      flag: 'dbUrl',
      credential: 'db_url',
    },
    listen_url: {
      type: ['string', 'null'],
      default: null,
      secret: true,
      env: 'DB_LISTEN_URL',
    },
    pool_size: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000,
      default: 10,
      env: 'DB_POOL_SIZE',
    },
    embedded_memory_mb: {
      anyOf: [
        { type: 'integer', minimum: 64, maximum: 1_048_576 },
        { type: 'string', const: 'machine' },
      ],
      default: 128,
    },
  }),
  fleet: section({
    valkey_url: {
      type: ['string', 'null'],
      pattern: '^(valkeys?|rediss?)://.',
      default: null,
      secret: true,
      env: 'FLEET_VALKEY_URL',
      credential: 'valkey_url',
    },
    valkey_ca: { type: ['string', 'null'], minLength: 1, default: null },
  }),
  admin: section({
    key: {
      type: ['string', 'null'],
      minLength: 8,
      default: null,
      secret: true,
      env: 'ADMIN_KEY',
      credential: 'admin_key',
    },
    listen: {
      type: ['string', 'null'],
      pattern: '^(?:unix:/.+|.+:\\d{1,5})$',
      default: null,
      env: 'ADMIN_LISTEN',
    },
    tls: section({ cert: pemFile, key: pemFile, client_ca: pemFile }),
    keys: {
      type: 'array',
      maxItems: 1_000,
      items: {
        type: 'object',
        required: ['name', 'role'],
        additionalProperties: false,
        properties: {
          name: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$' },
          key: { type: 'string', minLength: 16 },
          key_sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
          role: { type: 'string', pattern: rolePattern },
          expires_at: { type: 'string', pattern: timePattern },
        },
      },
      default: [],
      secret: true,
    },
    allow_from: list,
  }),
  console: section({
    enabled: { type: 'boolean', default: true },
    url: {
      type: ['string', 'null'],
      pattern: '^https?://[^\\s?#@/]+(?:/[^\\s?#]*)?$',
      default: null,
    },
    session_ms: { type: 'integer', minimum: 60_000, maximum: 2_592_000_000, default: 43_200_000 },
    oidc: section({
      issuer: {
        type: ['string', 'null'],
        pattern: '^https?://[^\\s?#@/]+(?:/[^\\s?#]*)?$',
        default: null,
      },
      client_id: { type: ['string', 'null'], minLength: 1, default: null },
      client_secret: {
        type: ['string', 'null'],
        minLength: 1,
        default: null,
        secret: true,
        env: 'LLMPROXY_OIDC_CLIENT_SECRET',
        credential: 'oidc_client_secret',
      },
      scope: { type: 'string', pattern: '(?:^| )openid(?: |$)', default: 'openid profile email' },
      name_claim: { type: 'string', minLength: 1, default: 'email' },
      role_claim: { type: 'string', minLength: 1, default: 'groups' },
      roles: {
        type: 'object',
        additionalProperties: { type: 'string', pattern: rolePattern },
        default: {},
      },
    }),
  }),
  auth: { type: 'string', enum: ['on', 'off'], default: 'on' },
  routing: section({
    provider_suffix: { type: 'string', default: '', env: 'PROVIDER_SUFFIX' },
    strategy: { type: 'string', enum: strategyNames, default: 'weighted_round_robin' },
    affinity: { type: 'string', enum: ['off', 'session', 'prefix'], default: 'off' },
    max_attempts: { type: 'integer', minimum: 1, maximum: 100, default: 5 },
    hold_streams: {
      type: 'string',
      enum: ['first_content', 'first_event'],
      default: 'first_content',
    },
    fallbacks: modelLists,
    context_length_fallbacks: modelLists,
    content_policy_fallbacks: modelLists,
  }),
  upstream: section({
    connect_timeout_ms: { ...duration, default: 5_000 },
    first_byte_timeout_ms: { ...duration, default: 600_000 },
    idle_timeout_ms: { ...duration, default: 300_000 },
    total_timeout_ms: { ...duration, default: 3_600_000 },
    max_connections_per_provider: {
      type: 'integer',
      minimum: 1,
      maximum: 65_535,
      default: 1_024,
    },
    private_addresses: { type: 'string', enum: ['allow', 'deny'], default: 'allow' },
    https_proxy: { ...proxy, env: 'HTTPS_PROXY' },
    http_proxy: { ...proxy, env: 'HTTP_PROXY' },
    no_proxy: { type: ['string', 'null'], default: null, env: 'NO_PROXY', envLower: true },
    fetch_media: { type: 'string', enum: ['off', 'public', 'any'], default: 'off' },
    max_media_bytes: { type: 'integer', minimum: 1, maximum: 268_435_456, default: 20_971_520 },
  }),
  secrets: section({
    key: { type: ['string', 'null'], default: null, secret: true, env: 'LLMPROXY_SECRET_KEY' },
    key_file: { type: ['string', 'null'], pattern: '^/', default: null },
    allowed_variables: {
      type: 'array',
      items: { type: 'string', pattern: '^[A-Za-z0-9_*]+$' },
      default: ['*_API_KEY', 'LLMPROXY_PROVIDER_*'],
    },
    allowed_directories: {
      type: 'array',
      items: { type: 'string', pattern: '^/' },
      default: ['/etc/llmproxy', '/run/secrets', '/run/credentials'],
    },
    allowed_auth_methods: {
      type: 'array',
      items: { type: 'string', enum: [...new Set(Object.values(authMethods).flat())] },
      default: [],
    },
    allow_credential_process: { type: 'boolean', default: false },
  }),
  usage: section({
    retention_days: { type: 'integer', minimum: 0, maximum: 36_500, default: 30 },
    rollup_retention_days: { type: 'integer', minimum: 0, maximum: 36_500, default: 400 },
    max_queued_rows: { type: 'integer', minimum: 1, maximum: 10_000_000, default: 100_000 },
    max_spool_bytes: {
      type: 'integer',
      minimum: 0,
      maximum: 1_099_511_627_776,
      default: 268_435_456,
    },
    export: section({
      url: { type: ['string', 'null'], pattern: '^https?://[^/?#@]+([/?][^#]*)?$', default: null },
      headers: {
        type: 'object',
        propertyNames: { pattern: '^[A-Za-z0-9-]+$' },
        additionalProperties: { type: 'string', pattern: '^[\\x20-\\x7e]+$' },
        default: {},
        secret: true,
      },
      gzip: { type: 'boolean', default: false },
      batch_rows: { type: 'integer', minimum: 1, maximum: 100_000, default: 1_000 },
      timeout_ms: { ...duration, default: 30_000 },
    }),
  }),
  limits: section({
    max_concurrency: {
      type: ['integer', 'null'],
      minimum: 1,
      maximum: 1_000_000,
      default: null,
    },
    max_queue: { type: 'integer', minimum: 0, maximum: 1_000_000, default: 1_000 },
    queue_timeout_ms: { ...duration, default: 2_000 },
    max_event_loop_delay_ms: { ...duration, default: 500 },
  }),
  cache: section({
    max_bytes: { type: 'integer', minimum: 0, maximum: 1_099_511_627_776, default: 67_108_864 },
    max_answer_bytes: {
      type: 'integer',
      minimum: 1,
      maximum: 1_073_741_824,
      default: 1_048_576,
    },
    ttl_ms: { type: 'integer', minimum: 1, maximum: maxTtlMs, default: 3_600_000 },
    valkey_max_bytes: {
      type: 'integer',
      minimum: 0,
      maximum: 1_099_511_627_776,
      default: 268_435_456,
    },
  }),
  log: section({
    level: {
      type: 'string',
      enum: ['error', 'warn', 'info', 'debug'],
      default: 'info',
      env: 'LOG_LEVEL',
      flag: 'logLevel',
    },
    requests: { type: 'boolean', default: false },
    otlp: { ...otlpUrl, env: 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT' },
  }),
  metrics: section({
    access,
    otlp: { ...otlpUrl, env: 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT' },
    otlp_interval_ms: { ...duration, default: 60_000, env: 'OTEL_METRIC_EXPORT_INTERVAL' },
    max_providers: { type: 'integer', minimum: 1, maximum: 10_000, default: 200 },
    max_model_provider_pairs: { type: 'integer', minimum: 1, maximum: 10_000, default: 500 },
  }),
  traces: section({
    endpoint: { ...otlpUrl, ...otlpVariable('ENDPOINT') },
    headers: {
      type: 'object',
      propertyNames: { pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" },
      additionalProperties: { type: 'string', pattern: '^[\\x20-\\x7e]*$' },
      default: {},
      secret: true,
      ...otlpVariable('HEADERS'),
    },
    tls: section({
      ca: { ...pemFile, ...otlpVariable('CERTIFICATE') },
      cert: { ...pemFile, ...otlpVariable('CLIENT_CERTIFICATE') },
      key: { ...pemFile, ...otlpVariable('CLIENT_KEY') },
    }),
    timeout_ms: { ...duration, default: 10_000, ...otlpVariable('TIMEOUT') },
    compression: {
      type: 'string',
      enum: ['none', 'gzip'],
      default: 'none',
      ...otlpVariable('COMPRESSION'),
    },
    sample_ratio: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 1,
      env: 'OTEL_TRACES_SAMPLER_ARG',
    },
    sample_errors: { type: 'boolean', default: true },
    slow_ms: { ...duration, type: ['integer', 'null'], default: 30_000 },
    text: { type: 'boolean', default: false },
    max_queue: { type: 'integer', minimum: 1, maximum: 1_000_000, default: 8_192 },
    service_name: {
      type: 'string',
      minLength: 1,
      default: 'llmproxy',
      env: 'OTEL_SERVICE_NAME',
    },
    resource: {
      type: 'object',
      additionalProperties: { type: 'string' },
      default: {},
      env: 'OTEL_RESOURCE_ATTRIBUTES',
    },
  }),
  health: section({
    details: access,
    detailed_access: access,
    detailed_cache_ms: { ...duration, default: 10_000 },
    probe_timeout_ms: { ...duration, default: 10_000 },
    max_concurrent_probes: { type: 'integer', minimum: 1, maximum: 1_000, default: 8 },
    discover_models_ms: { ...duration, minimum: 0, default: 600_000 },
  }),
  data_dir: { type: 'string', minLength: 1, env: 'LLMPROXY_DATA_DIR', flag: 'dataDir' },
  overrides_dir: { type: ['string', 'null'], default: null },
});
