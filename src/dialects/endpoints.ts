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
  EndpointDocument,
  ModelEndpoint,
  OwnEndpoint,
  ResourceEndpoint,
  SocketEndpoint,
} from './endpoint.js';
import {
  countTokens as countGeminiTokens,
  embed,
  embedBatch,
  embedByContent,
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
import { live, liveMessages } from './gemini/live.js';
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
import { realtimeMessages } from './openai/realtime-session.js';
import { compact, inputTokens, responses } from './openai/responses-dialect.js';
import { files, messageBatches, messageFiles, stored } from './resources.js';

/**
 * The only list of endpoints. The router, OpenAPI, probes, the mock provider, metrics and `explain`
 * read it, so a new endpoint is an entry here and a dialect. Clients may use any of these APIs; a
 * request for a provider that speaks another dialect is translated if both dialects have codecs.
 */

const hello = { role: 'user', content: 'hi' };

/**
 * An endpoint for models.
 * @param path below a provider's base URL; by default that of clients without its version.
 */
function forModels(
  pattern: string,
  dialect: Dialect,
  document: EndpointDocument,
  {
    path = pattern.replace(/^\/v\d+/, ''),
    probe = null,
    limited = true,
    form,
  }: Partial<Pick<ModelEndpoint, 'path' | 'probe' | 'limited' | 'form'>> = {},
): ModelEndpoint {
  const common = { kind: 'model_request', method: 'POST', pattern, path, dialect } as const;
  return { ...common, document, ...(form && { form }), probe, limited };
}

/** Every endpoint for models. The first one is where most requests go. */
export const modelEndpoints: readonly ModelEndpoint[] = [
  forModels('/v1/chat/completions', chat, chatDocument, {
    probe: { models: null, body: (model) => ({ model, messages: [hello], max_tokens: 1 }) },
  }),
  forModels('/v1/completions', completions, completionsDocument, {
    probe: {
      models: /^(gpt-3\.5-turbo-instruct|(davinci|babbage)-002)/i,
      body: (model) => ({ model, prompt: 'hi', max_tokens: 1 }),
    },
  }),
  forModels('/v1/embeddings', embeddings, embeddingsDocument, {
    probe: {
      models: /embed|(^|[-_/])(bge|gte|e5)[-_]/i,
      body: (model) => ({ model, input: 'hi' }),
    },
  }),
  forModels('/v1/responses', responses, responsesDocument),
  forModels('/v1/responses/compact', compact, compactDocument),
  forModels('/v1/responses/input_tokens', inputTokens, inputTokensDocument, { limited: false }),
  forModels('/v1/moderations', moderations, moderationsDocument),
  forModels('/v1/images/generations', images, imagesDocument),
  forModels('/v1/images/edits', images, imageEditsDocument, {
    form: { only: false, defaultModel: defaultImageModel },
  }),
  forModels('/v1/images/variations', images, imageVariationsDocument, {
    form: { only: true, defaultModel: defaultImageModel },
  }),
  forModels('/v1/audio/speech', speech, speechDocument),
  forModels('/v1/audio/transcriptions', transcriptions, transcriptionsDocument, {
    form: { only: true, defaultModel: null },
  }),
  forModels('/v1/audio/translations', transcriptions, translationsDocument, {
    form: { only: true, defaultModel: null },
  }),
  forModels('/v1/realtime/client_secrets', clientSecrets, clientSecretDocument),
  forModels('/v1/realtime/sessions', clientSecrets, realtimeSessionDocument),
  forModels('/v1/realtime/transcription_sessions', clientSecrets, transcriptionSessionDocument),
  forModels('/v1/rerank', rerankAsJina, rerankDocument),
  forModels('/v2/rerank', rerank, cohereRerankDocument),
  forModels('/v1/messages', messages, messagesDocument, {
    probe: { models: null, body: (model) => ({ model, messages: [hello], max_tokens: 1 }) },
  }),
  // Agents call it dozens of times at once, and providers do not charge for it.
  forModels('/v1/messages/count_tokens', countTokens, countTokensDocument, { limited: false }),
  forModels('/v1beta/models/{model}:generateContent', generate, generateDocument, {
    path: '',
    probe: {
      models: null,
      body: () => ({
        contents: [{ role: 'user', parts: [{ text: 'hi' }] }],
        generationConfig: { maxOutputTokens: 1 },
      }),
    },
  }),
  forModels('/v1beta/models/{model}:streamGenerateContent', generate, streamDocument, {
    path: '',
  }),
  forModels('/v1beta/models/{model}:countTokens', countGeminiTokens, countGeminiTokensDocument, {
    path: ':countTokens',
    limited: false,
  }),
  forModels('/v1beta/models/{model}:embedContent', embed, embedDocument, {
    path: ':embedContent',
    probe: {
      models: /embed/i,
      body: () => ({ content: { parts: [{ text: 'hi' }] } }),
    },
  }),
  forModels('/v1beta/models/{model}:batchEmbedContents', embedBatch, embedBatchDocument, {
    path: ':batchEmbedContents',
  }),
];

/** Endpoints of providers in dialects that no client speaks. */
export const providerEndpoints: readonly AskedEndpoint[] = [
  { dialect: converse, path: '' },
  { dialect: cohereChat, path: '/chat' },
  { dialect: embedByPredict, path: ':predict' },
  { dialect: embedByContent, path: ':embedContent' },
  { dialect: embedByTitan, path: '' },
  { dialect: embedByCohere, path: '' },
  { dialect: cohereEmbed, path: '/embed' },
];

/** Its first message names the model. */
function forLive(pattern: string, operationId: string, of: string): SocketEndpoint {
  return {
    kind: 'socket',
    method: 'GET',
    pattern,
    path: pattern,
    dialect: live,
    messages: liveMessages,
    document: { operationId, summary: `The Live API of ${of}, by WebSocket` },
  };
}

const liveOf = (version: string) =>
  `/ws/google.ai.generativelanguage.${version}.GenerativeService.BidiGenerateContent`;

export const socketEndpoints: readonly SocketEndpoint[] = [
  {
    kind: 'socket',
    method: 'GET',
    pattern: '/v1/realtime',
    path: '/realtime',
    dialect: realtime,
    messages: realtimeMessages,
    document: { operationId: 'connectRealtime', summary: 'Realtime, by WebSocket' },
  },
  forLive(liveOf('v1beta'), 'connectLive', 'Gemini'),
  forLive(liveOf('v1alpha'), 'connectLiveAlpha', 'Gemini, with its experimental parts'),
  ...['v1', 'v1beta1'].map((version) =>
    forLive(
      `/ws/google.cloud.aiplatform.${version}.LlmBidiService/BidiGenerateContent`,
      `connectVertexLive${version === 'v1' ? '' : 'Beta'}`,
      'Vertex AI',
    ),
  ),
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
  anthropic: Dialect | null = null,
): ResourceEndpoint[] {
  const kind = 'resource';
  const common = { kind, method: null, path, dialect, noun, hidesModels, anthropic } as const;
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
  ...resources('file', '/files', files, ['GET', 'POST'], false, messageFiles),
  ...resources('upload', '/uploads', files, ['POST']),
  ...resources('batch', '/batches', files, ['GET', 'POST'], true),
  ...resources('vector store', '/vector_stores', files, ['GET', 'POST']),
  ...resources('fine-tuning job', '/fine_tuning/jobs', files, ['GET', 'POST'], true),
  ...resources('batch of messages', '/messages/batches', messageBatches, ['GET', 'POST'], true),
];

/** Endpoints that the gateway answers itself, or that its control process does. */
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
