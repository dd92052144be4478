import type { AdminRoute } from '../route.js';
import { dataPlanePaths } from './data-plane.js';
import { errorReferences, errorResponses } from './errors.js';
import { componentHeaders, headerReferences } from './headers.js';
import { componentSchemas } from './schemas.js';

/** The OpenAPI 3.1 document of everything that the gateway serves. */
export function openApiDocument(routes: readonly AdminRoute[], version: string): object {
  const paths: Record<string, Record<string, object>> = structuredClone(dataPlanePaths);
  for (const route of routes) {
    const operations = paths[route.path] ?? {};
    operations[route.method.toLowerCase()] = operation(route);
    paths[route.path] = operations;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'llmproxy',
      version,
      description,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This instance' }],
    tags,
    paths,
    components: {
      securitySchemes: {
        clientKey: {
          type: 'http',
          scheme: 'bearer',
          description: 'A client key, from `llmproxy keys create NAME`.',
        },
        clientKeyHeader: { type: 'apiKey', in: 'header', name: 'x-api-key' },
        azureKeyHeader: { type: 'apiKey', in: 'header', name: 'api-key' },
        googleKeyHeader: { type: 'apiKey', in: 'header', name: 'x-goog-api-key' },
        keyParameter: { type: 'apiKey', in: 'query', name: 'key' },
        adminKey: {
          type: 'http',
          scheme: 'bearer',
          description:
            'The admin key: `ADMIN_KEY`, or the file `admin-key` that the first start writes to the data directory.',
        },
      },
      headers: componentHeaders,
      responses: errorResponses(),
      schemas: componentSchemas,
    },
  };
}

const description = `OpenAI-compatible gateway. Every answer has an \`x-request-id\`; a client may send its own.
Every error of the gateway has the same body, and a \`code\` that never changes its meaning.`;

const tags = [
  { name: 'models', description: "OpenAI's and Anthropic's APIs, with a client key." },
  { name: 'providers', description: 'The upstream APIs that requests are sent to.' },
  { name: 'credentials', description: 'The keys of clients.' },
  { name: 'teams', description: 'Keys that have models, limits and tags in common.' },
  { name: 'cache', description: 'Cached answers.' },
  { name: 'spend', description: 'Prices, budgets and kill switches.' },
  { name: 'guardrails', description: 'Checks of the texts of requests and answers.' },
  { name: 'canary', description: 'Mirrored requests, and requests that move step by step.' },
  { name: 'config', description: 'The active configuration.' },
  { name: 'usage', description: 'Requests, tokens and latency.' },
  { name: 'explain', description: 'Explanations of routing.' },
  { name: 'monitoring', description: 'Health and metrics.' },
  { name: 'console', description: 'The console, and signing in to it.' },
  { name: 'docs', description: 'This documentation.' },
];

function operation({ access, method, path, operation }: AdminRoute): object {
  const statuses = [400, 403, 405, 500];
  if (access !== 'open') statuses.push(401, 429);
  if (path.startsWith('/admin/')) statuses.push(503);
  if (operation.requestBody) statuses.push(408, 413, 415);
  if (path.includes('{')) statuses.push(404);
  if (method !== 'GET' && path.startsWith('/admin/')) statuses.push(409);
  const own = Object.entries(operation.responses).map(([status, response]) => {
    if ('$ref' in response) return [status, response];
    const headers = headerReferences('x-request-id', ...(status === '201' ? locationOnly : []));
    return [status, { ...response, headers: { ...headers, ...Reflect.get(response, 'headers') } }];
  });
  return {
    ...operation,
    security: security[typeof access === 'function' ? 'setting' : access],
    responses: { ...errorReferences(statuses.sort()), ...Object.fromEntries(own) },
  };
}

const locationOnly = ['location'] as const;

/** `setting`: a setting may open the route, so a key is optional. */
const security = {
  admin: [{ adminKey: [] }],
  setting: [{}, { adminKey: [] }],
  open: [],
};
