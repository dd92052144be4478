import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { cacheSchema } from './rows/cache.js';
import { authMethods, lossPolicies, openaiOperations, providerTypes } from './configuration.js';
import { limitsSchema } from './rows/limits.js';
import { type Problem, shownName } from './problem.js';
import { timePattern } from './rows/time-pattern.js';

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

const weight = {
  type: 'integer',
  minimum: 1,
  maximum: 1_000_000,
} as const;

const tags = {
  type: 'array',
  items: { type: 'string', minLength: 1, maxLength: 100 },
  maxItems: 100,
} as const;

export const teamProperties = {
  name: {
    type: 'string',
    minLength: 1,
    maxLength: 100,
    pattern: '^(?!(?:\\d+|none)$)[^\\u0000-\\u001f\\u007f]+$',
    description: 'Unique name of the team; not `none`, and not only digits.',
  },
  allowed_models: {
    type: ['array', 'null'],
    items: { type: 'string', minLength: 1 },
    description:
      'Models or wildcards that its keys may use, where the key allows them too; null or `["*"]` is all.',
  },
  limits: { ...limitsSchema, description: 'Limits of all its keys together.' },
  weight: {
    ...weight,
    description: 'Its share where requests wait for a provider, against other teams.',
  },
  tags: { ...tags, description: 'Tags of the requests of its keys.' },
  admins: {
    type: 'array',
    items: { type: 'string', minLength: 1, maxLength: 200 },
    maxItems: 100,
    description:
      'Who is responsible for it, such as e-mail addresses. Signed in by OpenID, they have the role of the team.',
  },
  cache: {
    ...cacheSchema,
    description: 'Which answers are cached, as `cache` of a key says it; for keys without one.',
  },
} as const;

export const credentialProperties = {
  name: { type: 'string', minLength: 1, maxLength: 200, description: 'Whom the key is for.' },
  allowed_models: {
    type: ['array', 'null'],
    items: { type: 'string', minLength: 1 },
    description: 'Models or wildcards that the key may use; null or `["*"]` is all.',
  },
  rate_limit: {
    type: ['integer', 'null'],
    minimum: 0,
    maximum: 1_000_000_000,
    description:
      'Requests a second, and unless `burst` says otherwise as many at once; 0 blocks all, null is unlimited.',
  },
  burst: {
    type: ['integer', 'null'],
    minimum: 1,
    maximum: 1_000_000_000,
    description:
      'Requests at once at most, of a key with a `rate_limit`; null is as many as that. In t seconds at most `burst` + `rate_limit` · t pass.',
  },
  is_enabled: { type: 'boolean', description: 'False refuses the key.' },
  expires_at: {
    type: ['string', 'null'],
    pattern: timePattern,
    description:
      'The key is refused from then on: ISO 8601 with a time zone, or a day in UTC; null is never.',
  },
  team: {
    type: ['string', 'null'],
    minLength: 1,
    maxLength: 100,
    description: 'The team that the key belongs to, by name; null is none.',
  },
  limits: {
    ...limitsSchema,
    description: 'Limits beside `rate_limit`; of these and those of its team the tighter holds.',
  },
  weight: {
    ...weight,
    description: 'Its share where requests wait for a provider, against other keys of its team.',
  },
  priority: {
    type: 'integer',
    minimum: -1_000,
    maximum: 1_000,
    description: 'Where requests wait, those of a higher number go first within the team.',
  },
  tags: { ...tags, description: 'Words to find the key by; its requests have them as tags.' },
  store_bodies: {
    type: 'boolean',
    description:
      'True stores the bodies of its requests and answers, with the rows of its usage; false is the default.',
  },
  losses: {
    type: ['string', 'null'],
    enum: [...lossPolicies, null],
    description:
      'When a request of the key is translated and something of it would be lost: `strict` refuses it, `warn` names it in `x-llmproxy-lost`, `allow` says nothing; null is as each provider says. Of the two the stricter one counts.',
  },
  cache: {
    ...cacheSchema,
    description:
      'Which answers are cached: `mode` is `on`, `ask` (only where the header `x-llmproxy-cache: on` asks) or `off`; `scope` says with whom they are shared, the `key` (default), its `team` or `all`; `requests` is `deterministic` (default) or `all`; `single_flight` lets one of equal requests ask for all. Null is as its team says.',
  },
  allowed_ips: {
    type: ['array', 'null'],
    items: { type: 'string', minLength: 1, maxLength: 64 },
    minItems: 1,
    maxItems: 1_000,
    description:
      'Addresses and networks, such as `10.0.0.0/8`, that the key may be used from; null is all. Behind a proxy, see `server.trusted_proxies`.',
  },
} as const;

/** Checks a value. After it has returned false, `errors` says why. */
export interface Validate<T> {
  (value: unknown): value is T;
  errors: ErrorObject[] | null | undefined;
}

/**
 * The check of a schema. It is compiled at its first use, which takes milliseconds: a command uses
 * few of the hundred that it loads.
 */
export function compileSchema<T>(schema: object): Validate<T> {
  let compiled: ValidateFunction<T> | undefined;
  const validate: Validate<T> = Object.assign(
    (value: unknown): value is T => {
      compiled ??= ajv.compile<T>(schema);
      const isValid = compiled(value);
      validate.errors = compiled.errors;
      return isValid;
    },
    { errors: null },
  );
  return validate;
}

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
ajv.addVocabulary(['env', 'envAlso', 'envLower', 'flag', 'secret', 'credential']);

/** Ajv's errors as problems: the path in dots, the unknown field and the allowed values by name. */
export function toProblems(source: string, errors: ErrorObject[] | null | undefined): Problem[] {
  const told = (errors ?? []).filter(({ keyword }) => !repeatsOthers.has(keyword));
  return told.map(({ instancePath, keyword, params, message, propertyName }) => {
    const path = instancePath.slice(1).split('/').map(unescapePointer).join('.');
    if (propertyName !== undefined) {
      return {
        source,
        path,
        reason: `"${shownName(propertyName)}" is not a possible name: it ${message}`,
      };
    }
    switch (keyword) {
      case 'additionalProperties':
        return { source, path, reason: `unknown field "${shownName(params.additionalProperty)}"` };
      case 'required':
        return { source, path, reason: `"${params.missingProperty}" is missing` };
      case 'enum':
        return { source, path, reason: `must be one of ${params.allowedValues.join(', ')}` };
      case 'const':
        return { source, path, reason: `must be ${params.allowedValue}` };
      default:
        return { source, path, reason: message ?? 'is not valid' };
    }
  });
}

/** Errors of these only say that an error of a part was found, which is in the list too. */
const repeatsOthers = new Set(['anyOf', 'propertyNames']);

function unescapePointer(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}
