import { countTokens, messages } from './anthropic/dialects.js';
import { countTokensDocument, messagesDocument } from './anthropic/documents.js';
import { rerank } from './cohere/dialects.js';
import { cohereRerankDocument, rerankDocument } from './cohere/documents.js';
import type { ModelEndpoint, OwnEndpoint } from './endpoint.js';
import { countTokens as countGeminiTokens, embed, generate } from './gemini/dialect.js';
import {
  countTokensDocument as countGeminiTokensDocument,
  embedDocument,
  generateDocument,
  streamDocument,
} from './gemini/documents.js';
import { chat, completions, embeddings, images, moderations, speech } from './openai/dialects.js';
import {
  chatDocument,
  completionsDocument,
  embeddingsDocument,
  imagesDocument,
  moderationsDocument,
  responsesDocument,
  speechDocument,
} from './openai/documents.js';
import { responses } from './openai/responses-dialect.js';

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
    limited: true,
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
    limited: true,
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
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/responses',
    path: '/responses',
    dialect: responses,
    document: responsesDocument,
    probe: null,
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/moderations',
    path: '/moderations',
    dialect: moderations,
    document: moderationsDocument,
    probe: null,
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/images/generations',
    path: '/images/generations',
    dialect: images,
    document: imagesDocument,
    probe: null,
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/audio/speech',
    path: '/audio/speech',
    dialect: speech,
    document: speechDocument,
    probe: null,
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/rerank',
    path: '/rerank',
    dialect: rerank,
    document: rerankDocument,
    probe: null,
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v2/rerank',
    path: '/rerank',
    dialect: rerank,
    document: cohereRerankDocument,
    probe: null,
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/messages',
    path: '/messages',
    dialect: messages,
    document: messagesDocument,
    probe: { models: null, body: (model) => ({ model, messages: [hello], max_tokens: 1 }) },
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/messages/count_tokens',
    path: '/messages/count_tokens',
    dialect: countTokens,
    document: countTokensDocument,
    probe: null,
    // Agents ask tens of times at once, and a provider does not charge for it.
    limited: false,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1beta/models/{model}:generateContent',
    path: '',
    dialect: generate,
    document: generateDocument,
    probe: {
      models: null,
      body: () => ({
        contents: [{ role: 'user', parts: [{ text: 'hi' }] }],
        generationConfig: { maxOutputTokens: 1 },
      }),
    },
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1beta/models/{model}:streamGenerateContent',
    path: '',
    dialect: generate,
    document: streamDocument,
    probe: null,
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1beta/models/{model}:countTokens',
    path: ':countTokens',
    dialect: countGeminiTokens,
    document: countGeminiTokensDocument,
    probe: null,
    limited: false,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1beta/models/{model}:embedContent',
    path: ':embedContent',
    dialect: embed,
    document: embedDocument,
    probe: {
      models: /embed/i,
      body: () => ({ content: { parts: [{ text: 'hi' }] } }),
    },
    limited: true,
  },
];

/** Every other endpoint. */
export const ownEndpoints: readonly OwnEndpoint[] = [
  { kind: 'models', method: 'GET', pattern: '/v1/models' },
  { kind: 'model', method: 'GET', pattern: '/v1/models/{id}' },
  { kind: 'models', method: 'GET', pattern: '/v1beta/models' },
  { kind: 'model', method: 'GET', pattern: '/v1beta/models/{id}' },
  // Claude Code asks at its start, without a key.
  { kind: 'hello', method: 'GET', pattern: '/api/hello' },
  { kind: 'health', method: 'GET', pattern: '/health' },
  { kind: 'control', method: 'GET', pattern: '/' },
  { kind: 'control', method: null, pattern: '/metrics' },
  { kind: 'control', method: null, pattern: '/docs' },
  { kind: 'control', method: null, pattern: '/openapi.json' },
  { kind: 'control', method: null, pattern: '/health/detailed' },
  { kind: 'control', method: null, pattern: '/admin' },
];
