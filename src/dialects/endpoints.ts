import { countTokens, messages } from './anthropic/dialects.js';
import { countTokensDocument, messagesDocument } from './anthropic/documents.js';
import { converse, embedByCohere, embedByTitan } from './bedrock/dialects.js';
import {
  chat as cohereChat,
  embed as cohereEmbed,
  rerank,
  rerankAsJina,
} from './cohere/dialects.js';
import { cohereRerankDocument, rerankDocument } from './cohere/documents.js';
import type { Dialect } from './dialect.js';
import type {
  AskedEndpoint,
  ModelEndpoint,
  OwnEndpoint,
  ResourceEndpoint,
  SocketEndpoint,
} from './endpoint.js';
import {
  countTokens as countGeminiTokens,
  embed,
  embedBatch,
  embedByPredict,
  generate,
} from './gemini/dialect.js';
import {
  countTokensDocument as countGeminiTokensDocument,
  embedBatchDocument,
  embedDocument,
  generateDocument,
  streamDocument,
} from './gemini/documents.js';
import { clientSecrets } from './openai/client-secrets.js';
import {
  chat,
  completions,
  defaultImageModel,
  embeddings,
  images,
  moderations,
  realtime,
  speech,
  transcriptions,
} from './openai/dialects.js';
import {
  chatDocument,
  clientSecretDocument,
  compactDocument,
  completionsDocument,
  embeddingsDocument,
  imageEditsDocument,
  imagesDocument,
  imageVariationsDocument,
  inputTokensDocument,
  moderationsDocument,
  realtimeSessionDocument,
  responsesDocument,
  speechDocument,
  transcriptionSessionDocument,
  transcriptionsDocument,
  translationsDocument,
} from './openai/documents.js';
import { compact, inputTokens, responses } from './openai/responses-dialect.js';
import { files, messageBatches, stored } from './resources.js';

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
    pattern: '/v1/responses/compact',
    path: '/responses/compact',
    dialect: compact,
    document: compactDocument,
    probe: null,
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/responses/input_tokens',
    path: '/responses/input_tokens',
    dialect: inputTokens,
    document: inputTokensDocument,
    probe: null,
    limited: false,
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
    pattern: '/v1/images/edits',
    path: '/images/edits',
    dialect: images,
    document: imageEditsDocument,
    form: { only: false, defaultModel: defaultImageModel },
    probe: null,
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/images/variations',
    path: '/images/variations',
    dialect: images,
    document: imageVariationsDocument,
    form: { only: true, defaultModel: defaultImageModel },
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
    pattern: '/v1/audio/transcriptions',
    path: '/audio/transcriptions',
    dialect: transcriptions,
    document: transcriptionsDocument,
    form: { only: true, defaultModel: null },
    probe: null,
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/audio/translations',
    path: '/audio/translations',
    dialect: transcriptions,
    document: translationsDocument,
    form: { only: true, defaultModel: null },
    probe: null,
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/realtime/client_secrets',
    path: '/realtime/client_secrets',
    dialect: clientSecrets,
    document: clientSecretDocument,
    probe: null,
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/realtime/sessions',
    path: '/realtime/sessions',
    dialect: clientSecrets,
    document: realtimeSessionDocument,
    probe: null,
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/realtime/transcription_sessions',
    path: '/realtime/transcription_sessions',
    dialect: clientSecrets,
    document: transcriptionSessionDocument,
    probe: null,
    limited: true,
  },
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1/rerank',
    path: '/rerank',
    dialect: rerankAsJina,
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
    // Agents call it dozens of times at once, and providers do not charge for it.
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
  {
    kind: 'model_request',
    method: 'POST',
    pattern: '/v1beta/models/{model}:batchEmbedContents',
    path: ':batchEmbedContents',
    dialect: embedBatch,
    document: embedBatchDocument,
    probe: null,
    limited: true,
  },
];

/** Endpoints of providers in dialects that no client speaks. */
export const providerEndpoints: readonly AskedEndpoint[] = [
  { dialect: converse, path: '' },
  { dialect: cohereChat, path: '/chat' },
  { dialect: embedByPredict, path: ':predict' },
  { dialect: embedByTitan, path: '' },
  { dialect: embedByCohere, path: '' },
  { dialect: cohereEmbed, path: '/embed' },
];

export const socketEndpoints: readonly SocketEndpoint[] = [
  {
    kind: 'socket',
    method: 'GET',
    pattern: '/v1/realtime',
    path: '/realtime',
    dialect: realtime,
    document: { operationId: 'connectRealtime', summary: 'Realtime, by WebSocket' },
  },
];

/**
 * @param pattern of the collection;
 * @param all operations on the collection.
 */
function resources(
  noun: string,
  path: string,
  dialect: Dialect,
  all: ResourceEndpoint['methods'],
  hidesModels = false,
): ResourceEndpoint[] {
  const common = { kind: 'resource', method: null, path, dialect, noun, hidesModels } as const;
  const pattern = `/v1${path}`;
  const one: ResourceEndpoint = {
    ...common,
    methods: ['GET', 'POST', 'DELETE'],
    pattern: `${pattern}/{id}`,
  };
  return all.length === 0 ? [one] : [{ ...common, methods: all, pattern }, one];
}

/** Objects with an id belong to the key that created them, and live at one provider. */
export const resourceEndpoints: readonly ResourceEndpoint[] = [
  ...resources('response', '/responses', stored, []),
  ...resources('conversation', '/conversations', stored, ['POST']),
  ...resources('file', '/files', files, ['GET', 'POST']),
  ...resources('upload', '/uploads', files, ['POST']),
  ...resources('batch', '/batches', files, ['GET', 'POST'], true),
  ...resources('vector store', '/vector_stores', files, ['GET', 'POST']),
  ...resources('fine-tuning job', '/fine_tuning/jobs', files, ['GET', 'POST'], true),
  ...resources('batch of messages', '/messages/batches', messageBatches, ['GET', 'POST'], true),
];

/** Every other endpoint. */
export const ownEndpoints: readonly OwnEndpoint[] = [
  { kind: 'models', method: 'GET', pattern: '/v1/models' },
  { kind: 'model', method: 'GET', pattern: '/v1/models/{id}' },
  { kind: 'models', method: 'GET', pattern: '/v1beta/models' },
  { kind: 'model', method: 'GET', pattern: '/v1beta/models/{id}' },
  // Claude Code calls it at startup, without a key.
  { kind: 'hello', method: 'GET', pattern: '/api/hello' },
  { kind: 'health', method: 'GET', pattern: '/health' },
  { kind: 'control', method: 'GET', pattern: '/' },
  { kind: 'control', method: null, pattern: '/metrics' },
  { kind: 'control', method: null, pattern: '/docs' },
  { kind: 'control', method: null, pattern: '/openapi.json' },
  { kind: 'control', method: null, pattern: '/health/detailed' },
  { kind: 'control', method: null, pattern: '/admin' },
  { kind: 'control', method: null, pattern: '/console' },
];
