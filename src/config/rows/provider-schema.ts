import { authMethods, lossPolicies, openaiOperations, providerTypes } from '../configuration.js';

const milliseconds = { type: 'integer', minimum: 1, maximum: 86_400_000 } as const;

const absolutePath = { type: 'string', pattern: '^/', maxLength: 4_096 } as const;

const timeouts = {
  type: 'object',
  additionalProperties: false,
  properties: {
    connect_ms: milliseconds,
    first_byte_ms: milliseconds,
    idle_ms: milliseconds,
    total_ms: milliseconds,
  },
} as const;

/**
 * JSON Schemas of everything that people write: settings (settings-schema.ts), providers and
 * credentials. The admin API and its OpenAPI document use the same objects.
 */
export const providerProperties = {
  provider_key: {
    type: 'string',
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
    description: 'Unique name of the provider: letters, digits, `.`, `_` and `-`.',
  },
  provider_type: {
    type: 'string',
    enum: providerTypes,
    description:
      'Kind of provider: `openai` for OpenAI and every compatible server, `azure` for Azure OpenAI, `anthropic` for Anthropic, `gemini` for Google’s Gemini API, `vertex` for Google Cloud’s Vertex AI, `bedrock` for Amazon Bedrock, `cohere` for Cohere.',
  },
  api_base: {
    type: 'string',
    minLength: 1,
    description:
      'Base URL with its version segment, such as `https://api.openai.com/v1`; for `azure` that of the resource, such as `https://NAME.openai.azure.com`, with or without `/openai/v1`.',
  },
  api_key: {
    type: 'string',
    minLength: 1,
    description:
      'Secret sent as the bearer token, stored encrypted; or a reference to it on the machine of the daemon: `env:NAME`, `file:/path`.',
  },
  model_mapping: {
    type: 'object',
    additionalProperties: { type: 'string', minLength: 1 },
    description:
      'Model asked for → model sent. Empty: every model under its own name. Keys are exact names, wildcards (`gpt-4*`) or `/regex/`.',
  },
  weight: {
    type: 'integer',
    minimum: 0,
    maximum: 1_000_000,
    description: 'Share of the traffic among the providers of a model; 0 is for failover only.',
  },
  provider_params: {
    type: 'object',
    additionalProperties: false,
    properties: {
      headers: {
        type: 'object',
        propertyNames: { pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" },
        additionalProperties: { type: 'string', pattern: '^[\\t\\x20-\\x7e]*$' },
        description: 'Extra request headers for this provider.',
      },
      forward_headers: {
        type: 'array',
        items: { type: 'string', pattern: "^[A-Za-z0-9!#$%&'+.^_`|~-]+\\*?$" },
        maxItems: 100,
        description:
          'Headers of clients that are sent to it beside those that concern the API; `x-team-*` is all that begin so.',
      },
      tls: {
        type: 'object',
        additionalProperties: false,
        properties: { ca_file: absolutePath, cert_file: absolutePath, key_file: absolutePath },
        dependencies: { cert_file: ['key_file'], key_file: ['cert_file'] },
        description:
          'Files of PEM on the machine of the daemon: authorities in place of the system’s, a client certificate and its key.',
      },
      proxy: {
        type: 'string',
        minLength: 1,
        description:
          'Proxy for this provider in place of that of the settings, such as `http://proxy.local:3128`, without user and password; `none` is no proxy.',
      },
      http2: {
        type: 'boolean',
        description:
          'True: ask it over HTTP/2, at an `http:` address with prior knowledge. Absent, HTTP/2 is used only where a server refuses HTTP/1.1 in the TLS handshake.',
      },
      query: {
        type: 'object',
        additionalProperties: { type: 'string', pattern: '^[\\t\\x20-\\x7e]*$' },
        description:
          'Parameters added to the query of each request; they replace those of clients.',
      },
      priority: {
        type: 'integer',
        minimum: 0,
        maximum: 1_000,
        description: 'Providers of a higher number are used only when those of lower ones fail.',
      },
      max_concurrency: {
        type: 'integer',
        minimum: 1,
        maximum: 1_000_000,
        description: 'Requests under way to it at most, over all workers.',
      },
      timeouts: { ...timeouts, description: 'Timeouts that differ from the settings.' },
      model_timeouts: {
        type: 'object',
        additionalProperties: timeouts,
        description: 'Timeouts by model sent, exact or wildcard; the first that matches counts.',
      },
      api_version: {
        type: 'string',
        pattern: '^[0-9A-Za-z][0-9A-Za-z.-]{0,63}$',
        description:
          'Azure: the `api-version` of requests; default 2024-10-21, none for `/openai/v1`.',
      },
      region: {
        type: 'string',
        pattern: '^[a-z0-9-]{1,32}$',
        description:
          'Bedrock: the region that requests are signed for; default: that of `api_base`.',
      },
      project: {
        type: 'string',
        pattern: '^[A-Za-z0-9][A-Za-z0-9.:-]{0,127}$',
        description: 'Vertex AI: the project of Google Cloud.',
      },
      location: {
        type: 'string',
        pattern: '^[a-z0-9-]{1,32}$',
        description: 'Vertex AI: the location of its models, or `global`; default `us-central1`.',
      },
      auth: {
        type: 'object',
        required: ['method'],
        additionalProperties: false,
        properties: {
          method: { type: 'string', enum: [...new Set(Object.values(authMethods).flat())] },
          profile: { type: 'string', minLength: 1, maxLength: 128 },
          role_arn: { type: 'string', pattern: '^arn:[A-Za-z0-9:/+=,.@_-]{1,2000}$' },
          token_file: absolutePath,
          tenant_id: { type: 'string', pattern: '^[A-Za-z0-9.-]{1,128}$' },
          client_id: { type: 'string', pattern: '^[A-Za-z0-9-]{1,128}$' },
        },
        description:
          'Where the daemon gets credentials of a cloud from, which it refreshes before they expire; default: `api_key` is all. Azure: `client_secret` (the secret is the `api_key`), `managed_identity`, `workload_identity`. Vertex AI: `environment`, `metadata`. Bedrock: `environment`, `profile`, `web_identity`, `container`, `imds`, or `default`, which tries these.',
      },
      operations: {
        type: 'array',
        items: { type: 'string', enum: openaiOperations },
        minItems: 1,
        uniqueItems: true,
        description:
          'The APIs of OpenAI that the server has; default: all, but `responses` at OpenAI only. Requests for `responses` are translated where the server has only `chat`.',
      },
      losses: {
        type: 'string',
        enum: lossPolicies,
        description:
          'When a request is translated for this provider and something of it would be lost: `strict` refuses it, `warn` (default) names it in the header `x-llmproxy-lost`, `allow` says nothing.',
      },
      markup_percent: {
        type: 'number',
        minimum: -100,
        maximum: 10_000,
        description:
          'Percent that are added to the prices of its models, to a hundredth; negative is a discount.',
      },
      stream_usage: {
        type: 'boolean',
        description:
          'False: the provider refuses `stream_options`, so it is never asked for usage.',
      },
      probe: {
        type: 'object',
        required: ['interval_ms'],
        additionalProperties: false,
        properties: {
          interval_ms: { type: 'integer', minimum: 1_000, maximum: 86_400_000 },
          model: { type: 'string', minLength: 1, maxLength: 256 },
        },
        description:
          'Tests the provider in the background: one that fails is taken out, one that answers again is used at once. Each test is a real request.',
      },
    },
    description: 'Settings of this provider alone.',
  },
  is_enabled: { type: 'boolean', description: 'False keeps the row but does not use it.' },
} as const;
