import type { ModelEndpoint, OwnEndpoint } from './endpoint.js';
import { chat, completions, embeddings } from './openai/dialects.js';
import { chatDocument, completionsDocument, embeddingsDocument } from './openai/documents.js';

const hello = { role: 'user', content: 'hi' };

/** Every endpoint for models. The first one is where most requests go. */
export const modelEndpoints: readonly ModelEndpoint[] = [
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/chat/completions',
    path: '/chat/completions',
    dialect: chat,
    document: chatDocument,
    probe: { models: null, body: (model) => ({ model, messages: [hello], max_tokens: 1 }) },
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/completions',
    path: '/completions',
    dialect: completions,
    document: completionsDocument,
    probe: {
      models: /^(gpt-3\.5-turbo-instruct|(davinci|babbage)-002)/i,
      body: (model) => ({ model, prompt: 'hi', max_tokens: 1 }),
    },
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/embeddings',
    path: '/embeddings',
    dialect: embeddings,
    document: embeddingsDocument,
    probe: {
      models: /embed|(^|[-_/])(bge|gte|e5)[-_]/i,
      body: (model) => ({ model, input: 'hi' }),
    },
  },
];

/** Every other endpoint. */
export const ownEndpoints: readonly OwnEndpoint[] = [
  { kind: 'models', method: 'GET', pattern: '/v1/models' },
  { kind: 'model', method: 'GET', pattern: '/v1/models/{id}' },
  { kind: 'health', method: 'GET', pattern: '/health' },
  { kind: 'control', method: null, pattern: '/metrics' },
  { kind: 'control', method: null, pattern: '/docs' },
  { kind: 'control', method: null, pattern: '/openapi.json' },
  { kind: 'control', method: null, pattern: '/health/detailed' },
  { kind: 'control', method: null, pattern: '/admin' },
];
