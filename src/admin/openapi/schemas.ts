import { credentialProperties, teamProperties } from '../../config/rows/credential-schema.js';
import { providerProperties } from '../../config/rows/provider-schema.js';
import { errorTable } from '../../errors.js';
import type { Operation, Parameter } from '../route.js';

/** Columns of a row that are maintained by the gateway. */
const rowProperties = {
  id: { type: 'integer', description: 'Number of the row.' },
  created_at: { type: 'string', format: 'date-time' },
  updated_at: { type: 'string', format: 'date-time' },
};

const exampleRow = {
  id: 1,
  created_at: '2026-01-31T12:00:00.000Z',
  updated_at: '2026-01-31T12:00:00.000Z',
};

const exampleCredential = {
  ...exampleRow,
  name: 'alice',
  key_preview: 'sk-…abcd',
  allowed_models: ['gpt-4*'],
  rate_limit: 100,
  burst: null,
  is_enabled: true,
  expires_at: null,
  team: 'chat',
  limits: { tokens_per_minute: 50_000 },
  weight: 1,
  priority: 0,
  tags: ['team-a'],
  store_bodies: false,
  losses: null,
  allowed_ips: null,
  previous_expires_at: null,
  last_used_at: '2026-01-31T12:00:00.000Z',
};

/** Outcome of one guardrail for a request. */
export const guardrailOutcome = object({
  guardrail: { type: 'string', description: 'Its name.' },
  kind: { type: 'string' },
  phase: { type: 'string', enum: ['request', 'answer'] },
  verdict: {
    type: 'string',
    enum: ['passed', 'refused', 'edited', 'would_refuse', 'would_edit', 'error'],
    description: '`error`: it could not check, and was skipped. `would_…`: its mode is `monitor`.',
  },
  found: {
    type: 'array',
    items: { type: 'string' },
    description: 'Names of what was found, or what failed.',
  },
  took_ms: { type: 'number' },
});

const { api_key, provider_params, ...shownProperties } = providerProperties;

const version = {
  type: 'integer',
  description:
    'Version of the configuration; each change of a provider, team or key increments it.',
};

const provider = {
  ...object({
    ...rowProperties,
    ...shownProperties,
    api_key_preview: {
      type: 'string',
      description: 'The `api_key`, masked; a reference is shown in full.',
    },
    provider_params: {
      type: 'object',
      description: 'As written, but all texts are masked because headers hold secrets.',
    },
  }),
  examples: [
    {
      ...exampleRow,
      provider_key: 'openai-main',
      provider_type: 'openai',
      api_base: 'https://api.openai.com/v1',
      api_key_preview: 'sk-…abcd',
      model_mapping: { 'gpt-4': 'gpt-4-turbo' },
      weight: 3,
      provider_params: {},
      is_enabled: true,
    },
  ],
};

const credential = {
  ...object({
    ...rowProperties,
    ...credentialProperties,
    key_preview: { type: 'string', description: 'The key, masked, such as `sk-…abcd`.' },
    previous_expires_at: {
      type: ['string', 'null'],
      format: 'date-time',
      description: 'Until then the value before the last rotation is also valid.',
    },
    last_used_at: {
      type: ['string', 'null'],
      format: 'date-time',
      description: 'Accurate to about a minute; null where it was never used.',
    },
  }),
  examples: [exampleCredential],
};

const team = {
  ...object({
    ...rowProperties,
    ...teamProperties,
    keys: { type: 'integer', description: 'Number of its keys.' },
  }),
  examples: [
    {
      ...exampleRow,
      name: 'chat',
      allowed_models: ['gpt-4*'],
      limits: { tokens_per_minute: 200_000 },
      weight: 1,
      tags: ['chat'],
      admins: ['alice@example.com'],
      keys: 3,
    },
  ],
};

const milliseconds = { type: ['integer', 'null'], description: 'Milliseconds.' };

const probeStatus = {
  type: 'string',
  enum: ['healthy', 'unhealthy', 'unknown'],
  description: '`unknown`: it answered but refused the test, or was not tested in time.',
};

const probeError = { type: ['string', 'null'], description: 'Reason that it is not healthy.' };

const checkedProvider = {
  provider_key: { type: 'string' },
  status: { ...probeStatus, description: 'Healthy if at least one model is.' },
  error: { ...probeError, description: 'Set where no model was tested.' },
  models: {
    type: 'array',
    items: object({
      model: { type: 'string' },
      status: probeStatus,
      response_time_ms: milliseconds,
      error: probeError,
    }),
  },
  summary: object({
    total_models: { type: 'integer' },
    healthy_models: { type: 'integer' },
    unhealthy_models: { type: 'integer' },
  }),
  avg_response_time_ms: milliseconds,
  checked_at: { type: 'string', format: 'date-time' },
};

/** Schemas of answers, as `#/components/schemas/…`. The routes hold those of requests. */
export const componentSchemas = {
  Error: object({
    error: withProblems({
      message: { type: 'string', description: 'For people.' },
      type: { type: 'string', description: 'Family of the error.' },
      param: {
        type: ['string', 'null'],
        description: 'The invalid field or parameter.',
      },
      code: { type: 'string', enum: Object.keys(errorTable), description: 'For programs.' },
    }),
  }),
  Provider: provider,
  ProviderAnswer: object({ version, provider: ref('Provider') }),
  ProviderUpdated: object({ version, status: { const: 'updated' }, provider: ref('Provider') }),
  ProviderList: object({ version, providers: { type: 'array', items: ref('Provider') } }),
  Credential: credential,
  NewCredential: {
    ...credential,
    properties: {
      ...credential.properties,
      key: { type: 'string', description: 'The generated key; it cannot be shown again.' },
    },
    examples: [{ ...exampleCredential, key: `sk-${'x'.repeat(44)}abcd` }],
  },
  CredentialAnswer: object({ version, credential: ref('Credential') }),
  CredentialCreated: object({ version, credential: ref('NewCredential') }),
  CredentialUpdated: object({
    version,
    status: { const: 'updated' },
    credential: ref('Credential'),
  }),
  CredentialRotated: object({
    version,
    status: { const: 'rotated' },
    credential: ref('NewCredential'),
  }),
  CredentialList: object({ version, credentials: { type: 'array', items: ref('Credential') } }),
  Team: team,
  TeamAnswer: object({ version, team: ref('Team') }),
  TeamUpdated: object({ version, status: { const: 'updated' }, team: ref('Team') }),
  TeamList: object({ version, teams: { type: 'array', items: ref('Team') } }),
  ConfigVersion: object({
    version,
    timestamp: { type: 'string', format: 'date-time', description: 'When it became active.' },
  }),
  ConfigReloaded: object({
    version,
    timestamp: { type: 'string', format: 'date-time', description: 'When it became active.' },
    providers_count: { type: 'integer', description: 'Override files included.' },
    credentials_count: { type: 'integer', description: 'Override files included.' },
    unusable_providers: {
      type: 'array',
      items: { type: 'string' },
      description: 'Enabled providers that are not used because their keys cannot be read.',
    },
  }),
  CheckedProvider: object({ provider_id: { type: 'integer' }, ...checkedProvider }),
  DetailedHealth: object({
    status: {
      type: 'string',
      enum: ['healthy', 'degraded', 'unhealthy'],
      description: 'Healthy if all providers are, unhealthy if none is.',
    },
    checked_at: { type: 'string', format: 'date-time' },
    providers: { type: 'array', items: object(checkedProvider) },
    total_providers: { type: 'integer' },
    healthy_providers: { type: 'integer' },
    unhealthy_providers: { type: 'integer' },
  }),
} satisfies Record<string, object>;

/** The error object; only some errors list problems. */
function withProblems<P extends Record<string, object>>(properties: P) {
  const problem = object({
    line: { type: 'integer' },
    column: { type: 'integer' },
    path: { type: 'string' },
    reason: { type: 'string' },
  });
  const problems = {
    type: 'array',
    items: problem,
    description: 'Of a refused document: its problems, each with its place.',
  };
  return { ...object(properties), properties: { ...properties, problems } } as const;
}

/** A reference to a schema of `componentSchemas`. */
export function ref(name: string): { $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

/** A required JSON body of this schema. */
export function jsonRequest(schema: object): NonNullable<Operation['requestBody']> {
  return { required: true, content: { 'application/json': { schema } } };
}

/** A form with files of this schema, or the same as JSON. */
export function formRequest(schema: object, only: boolean): object {
  const form = { 'multipart/form-data': { schema } };
  return { required: true, content: only ? form : { ...form, 'application/json': { schema } } };
}

/** The path parameter `{id}`. */
export function rowId(what: string): Parameter {
  const schema = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
  return { name: 'id', in: 'path', required: true, description: `The ${what}'s \`id\`.`, schema };
}

/** An answer with a JSON body of this schema. */
export function jsonResponse(description: string, schema: object): object {
  return { description, content: { 'application/json': { schema } } };
}

/** An object with all of these properties. */
export function object<P extends Record<string, object>>(properties: P) {
  return {
    type: 'object',
    required: Object.keys(properties),
    additionalProperties: false,
    properties,
  } as const;
}
