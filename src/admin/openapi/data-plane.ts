import { errorSchema as anthropicError } from '../../dialects/anthropic/documents.js';
import type { ModelEndpoint, ResourceEndpoint, SocketEndpoint } from '../../dialects/endpoint.js';
import { modelEndpoints, resourceEndpoints, socketEndpoints } from '../../dialects/endpoints.js';
import { errorSchema as geminiError } from '../../dialects/gemini/documents.js';
import { errorReferences, errorsShaped } from './errors.js';
import { type HeaderName, headerReferences } from './headers.js';
import { formRequest, jsonRequest, jsonResponse } from './schemas.js';

/** The places of a client's key; each API's clients use their own. */
const clientKeys = [
  { clientKey: [] },
  { clientKeyHeader: [] },
  { azureKeyHeader: [] },
  { googleKeyHeader: [] },
  { keyParameter: [] },
];

const modelName = {
  type: 'string',
  description: 'A name in the model mapping of a provider.',
};

const modelParameter = {
  name: 'model',
  in: 'path',
  required: true,
  description: 'Its name; a slash in it may be written as it is.',
  schema: { type: 'string' },
};

const anthropicVersion = {
  name: 'anthropic-version',
  in: 'header',
  description: "Where it is sent, the answer has the shape of Anthropic's API.",
  schema: { type: 'string' },
};

const resourceErrors = [400, 401, 403, 404, 405, 408, 413, 429, 500, 502, 503, 504];

/** Paths that workers answer without the control process. */
export const dataPlanePaths = {
  ...Object.fromEntries(modelEndpoints.map((each) => [each.pattern, modelRequest(each)])),
  ...Object.fromEntries(socketEndpoints.map((each) => [each.pattern, socket(each)])),
  ...Object.fromEntries(resourceEndpoints.map((each) => [each.pattern, resource(each)])),
  '/v1/models': {
    get: {
      operationId: 'listModels',
      summary: 'List the models that this key may use',
      tags: ['models'],
      security: clientKeys,
      parameters: [
        anthropicVersion,
        pageParameter('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 20 }),
        pageParameter('after_id', { type: 'string' }),
        pageParameter('before_id', { type: 'string' }),
      ],
      responses: {
        200: withHeaders(jsonResponse('The models', { anyOf: [modelList(), modelPage()] })),
        ...errorReferences([400, 401, 405, 429]),
      },
    },
  },
  '/v1/models/{model}': {
    get: {
      operationId: 'getModel',
      summary: 'Show a model',
      tags: ['models'],
      security: clientKeys,
      parameters: [modelParameter, anthropicVersion],
      responses: {
        200: withHeaders(jsonResponse('The model', { anyOf: [model(), modelInfo()] })),
        ...errorReferences([400, 401, 404, 405, 429]),
      },
    },
  },
  '/v1beta/models': {
    get: {
      operationId: 'listGeminiModels',
      summary: "List the models that this key may use (Gemini's API)",
      tags: ['models'],
      security: clientKeys,
      parameters: [
        geminiPageParameter('pageSize', { type: 'integer', minimum: 0, default: 50 }),
        geminiPageParameter('pageToken', { type: 'string' }),
      ],
      responses: {
        200: withHeaders(
          jsonResponse('The models', {
            type: 'object',
            required: ['models'],
            properties: {
              models: { type: 'array', items: geminiModel() },
              nextPageToken: { type: 'string', description: 'Absent on the last page.' },
            },
          }),
        ),
        ...errorsShaped(geminiError, [400, 401, 405, 429]),
      },
    },
  },
  '/v1beta/models/{model}': {
    get: {
      operationId: 'getGeminiModel',
      summary: "Show a model (Gemini's API)",
      tags: ['models'],
      security: clientKeys,
      parameters: [modelParameter],
      responses: {
        200: withHeaders(jsonResponse('The model', geminiModel())),
        ...errorsShaped(geminiError, [400, 401, 404, 405, 429]),
      },
    },
  },
  '/api/hello': {
    get: {
      operationId: 'hello',
      summary: 'Check that this is a gateway; needs no key',
      tags: ['monitoring'],
      security: [{}],
      responses: {
        200: withHeaders(jsonResponse('It is', { type: 'object' })),
        ...errorReferences([405]),
      },
    },
  },
  '/health': {
    get: {
      operationId: 'getHealth',
      summary: 'Check that this instance takes requests',
      description:
        'Everybody gets `status`. The rest needs the admin key, unless `health.details` opens it to this machine or to all.',
      tags: ['monitoring'],
      security: [{}, { adminKey: [] }],
      responses: {
        200: withHeaders(jsonResponse('It does', health()), 'x-llmproxy-daemon'),
        503: withHeaders(jsonResponse('It is stopping', health()), 'x-llmproxy-daemon'),
        ...errorReferences([400, 405]),
      },
    },
  },
};

function modelRequest({ document, dialect, pattern, form }: ModelEndpoint) {
  const inPath = pattern.includes('{model}');
  const { operationId, summary, maker, required, properties, example, answer, stream } = document;
  const schema = {
    type: 'object',
    required,
    description: `${maker}'s request. Fields not listed here are passed on unchanged.`,
    properties: {
      ...(!inPath && { model: modelName }),
      ...properties,
    },
    examples: [example],
  };
  const whole =
    typeof answer === 'string'
      ? { [answer]: { schema: { type: 'string', format: 'binary' } } }
      : { 'application/json': { schema: { type: 'object', properties: answer } } };
  const events = { schema: { type: 'string', description: stream } };
  return {
    post: {
      operationId,
      summary,
      description:
        "Returns the chosen provider's answer byte for byte. A provider's error passes through with its status.",
      tags: ['models'],
      security: clientKeys,
      ...(inPath && { parameters: [modelParameter] }),
      requestBody: form ? formRequest(schema, form.only) : jsonRequest(schema),
      responses: {
        200: {
          description: "The provider's answer",
          headers: headerReferences(
            'x-request-id',
            'x-llmproxy-provider',
            'x-llmproxy-attempts',
            'x-llmproxy-overhead-ms',
            'x-llmproxy-cost',
            ...(dialect.operation === 'token_count' ? (['x-llmproxy-estimated'] as const) : []),
          ),
          content: {
            ...whole,
            ...(stream !== null && { 'text/event-stream': events }),
          },
        },
        ...errorsOf(document),
      },
    },
  };
}

function socket({ document, messages }: SocketEndpoint) {
  const model = { name: 'model', in: 'query', required: true, schema: modelName };
  const isInQuery = messages.readSetup === null;
  const statuses = [400, 401, 403, 404, 405, 426, 429, 500, 502, 503, 504];
  return {
    get: {
      ...document,
      description: isInQuery
        ? 'Relays the frames of both sides. Browsers send the key as the subprotocol `openai-insecure-api-key.KEY`.'
        : 'Relays the frames of both sides. The first message of the client, `setup`, names the model; after the handshake, errors are in the reason of the close frame.',
      tags: ['models'],
      security: clientKeys,
      parameters: isInQuery ? [model] : [],
      responses: {
        101: { description: 'Connected to a provider' },
        ...(isInQuery ? errorReferences(statuses) : errorsShaped(geminiError, statuses)),
      },
    },
  };
}

function resource({ pattern, methods, noun, dialect }: ResourceEndpoint) {
  const isOne = pattern.endsWith('{id}');
  const name = noun.replace(/[ -](\w)/g, (_, letter: string) => letter.toUpperCase());
  const verbs = isOne
    ? { GET: 'get', POST: 'change', DELETE: 'delete' }
    : { GET: 'list', POST: 'create', DELETE: 'delete' };
  const id = { name: 'id', in: 'path', required: true, schema: { type: 'string' } };
  const provider = {
    name: 'x-llmproxy-provider',
    in: 'header',
    description: 'Where it is made or listed; by default, at the first provider that has this API.',
    schema: { type: 'string' },
  };
  const object = { type: 'object' };
  return Object.fromEntries(
    methods.map((method) => [
      method.toLowerCase(),
      {
        operationId: `${verbs[method]}${name.charAt(0).toUpperCase()}${name.slice(1)}`,
        summary: `${verbs[method].charAt(0).toUpperCase()}${verbs[method].slice(1)}: ${noun}`,
        description: isOne
          ? 'Passed on to the provider where it was made, for keys of the same team only. Paths below it are, too.'
          : 'Passed on to a provider. A list holds what this key or its team has made.',
        tags: ['models'],
        security: clientKeys,
        parameters: [isOne ? id : provider],
        ...(method === 'POST' && {
          requestBody: { ...formRequest(object, false), required: !isOne },
        }),
        responses: {
          200: {
            ...jsonResponse("The provider's answer", object),
            headers: headerReferences('x-request-id', 'x-llmproxy-provider'),
          },
          ...(dialect.name === 'anthropic.batches'
            ? errorsShaped(anthropicError, resourceErrors)
            : errorReferences(resourceErrors)),
        },
      },
    ]),
  );
}

function errorsOf({ errorSchema }: ModelEndpoint['document']): object {
  const statuses = [400, 401, 403, 404, 405, 408, 413, 415, 426, 429, 500, 502, 503, 504];
  return errorSchema === null ? errorReferences(statuses) : errorsShaped(errorSchema, statuses);
}

function model() {
  return {
    type: 'object',
    required: ['id', 'object', 'created', 'owned_by'],
    additionalProperties: false,
    properties: {
      id: { type: 'string' },
      object: { const: 'model' },
      created: { type: 'integer' },
      owned_by: { type: 'string', description: 'The providers that serve it.' },
    },
  };
}

function modelList() {
  return {
    type: 'object',
    required: ['object', 'data'],
    properties: { object: { const: 'list' }, data: { type: 'array', items: model() } },
  };
}

function modelInfo() {
  return {
    type: 'object',
    required: ['type', 'id', 'display_name', 'created_at'],
    additionalProperties: false,
    properties: {
      type: { const: 'model' },
      id: { type: 'string' },
      display_name: { type: 'string' },
      created_at: { type: 'string', format: 'date-time' },
    },
  };
}

function geminiModel() {
  return {
    type: 'object',
    required: ['name', 'displayName'],
    properties: { name: { type: 'string' }, displayName: { type: 'string' } },
  };
}

function modelPage() {
  const id = { type: ['string', 'null'] };
  return {
    type: 'object',
    required: ['data', 'has_more', 'first_id', 'last_id'],
    properties: {
      data: { type: 'array', items: modelInfo() },
      has_more: { type: 'boolean' },
      first_id: id,
      last_id: id,
    },
  };
}

function pageParameter(name: string, schema: object) {
  return { name, in: 'query', description: "Of a page in the shape of Anthropic's API.", schema };
}

function geminiPageParameter(name: string, schema: object) {
  return { name, in: 'query', description: "Of a page in the shape of Gemini's API.", schema };
}

function health() {
  return {
    type: 'object',
    required: ['status'],
    additionalProperties: false,
    properties: {
      status: { type: 'string', enum: ['ok', 'draining'] },
      version: { type: 'string' },
      uptime_seconds: { type: 'integer' },
      config_version: { type: 'integer', description: 'Version of the active configuration.' },
      database: { type: 'string', enum: ['up', 'down', 'unknown'] },
      fleet: {
        type: 'object',
        description: 'The daemons of the database, as this one sees them.',
        additionalProperties: false,
        required: ['daemons', 'cut_off', 'gone', 'behind', 'versions'],
        properties: {
          daemons: { type: 'integer', description: 'Daemons that limits hold over.' },
          cut_off: {
            type: 'integer',
            description: 'Daemons that cannot reach the database, but serve.',
          },
          gone: {
            type: 'integer',
            description: 'Daemons that have ended without a word, or that nobody reaches.',
          },
          behind: {
            type: 'integer',
            description: 'Daemons that do not use the newest configuration.',
          },
          versions: { type: 'integer', description: 'Different versions of llmproxy.' },
        },
      },
      providers: {
        type: 'array',
        description: 'Enabled providers; of more than 1,000 those with a problem first.',
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['provider_key', 'weight', 'share', 'healthy', 'state'],
          properties: {
            provider_key: { type: 'string' },
            weight: { type: 'integer' },
            share: {
              type: 'number',
              description:
                'Its weight divided by the sum of all: its share of traffic, from 0 to 1.',
            },
            healthy: { type: 'boolean', description: 'False where it is ejected.' },
            state: {
              type: 'string',
              enum: ['available', 'recovering', 'cooling_down', 'ejected', 'on_trial'],
            },
          },
        },
      },
    },
  };
}

function withHeaders(response: object, ...more: HeaderName[]): object {
  return { ...response, headers: headerReferences('x-request-id', ...more) };
}
