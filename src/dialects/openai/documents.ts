import type { EndpointDocument } from '../endpoint.js';

const choices = {
  object: { type: 'string' },
  choices: { type: 'array', items: { type: 'object' } },
};

export const chatDocument: EndpointDocument = {
  operationId: 'createChatCompletion',
  summary: 'Chat completions',
  maker: 'OpenAI',
  required: ['model', 'messages'],
  properties: {
    messages: { type: 'array', items: { type: 'object' } },
    stream: { type: 'boolean', default: false },
  },
  example: { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] },
  answer: choices,
  stream: 'Server-sent events, then `[DONE]`.',
  errorSchema: null,
};

export const completionsDocument: EndpointDocument = {
  operationId: 'createCompletion',
  summary: 'Completions (legacy)',
  maker: 'OpenAI',
  required: ['model'],
  properties: {
    prompt: { type: ['string', 'array'], items: {} },
    stream: { type: 'boolean', default: false },
  },
  example: { model: 'gpt-3.5-turbo-instruct', prompt: 'Once upon a time' },
  answer: choices,
  stream: 'Server-sent events, then `[DONE]`.',
  errorSchema: null,
};

export const embeddingsDocument: EndpointDocument = {
  operationId: 'createEmbedding',
  summary: 'Embeddings',
  maker: 'OpenAI',
  required: ['model', 'input'],
  properties: { input: { type: ['string', 'array'], items: {} } },
  example: { model: 'text-embedding-3-small', input: 'Hello!' },
  answer: { object: { type: 'string' }, data: { type: 'array', items: { type: 'object' } } },
  stream: null,
  errorSchema: null,
};

export const responsesDocument: EndpointDocument = {
  operationId: 'createResponse',
  summary: 'Responses',
  maker: 'OpenAI',
  required: ['model'],
  properties: {
    input: { type: ['string', 'array'], items: {} },
    instructions: { type: ['string', 'null'] },
    stream: { type: 'boolean', default: false },
  },
  example: { model: 'gpt-4o', input: 'Hello!' },
  answer: { object: { type: 'string' }, output: { type: 'array', items: { type: 'object' } } },
  stream: 'Server-sent events, from `response.created` to `response.completed`.',
  errorSchema: null,
};

export const compactDocument: EndpointDocument = {
  ...responsesDocument,
  operationId: 'compactResponse',
  summary: 'Make the input of a response short',
  stream: null,
};

export const inputTokensDocument: EndpointDocument = {
  ...responsesDocument,
  operationId: 'countResponseTokens',
  summary: 'Count the input tokens of a response',
  answer: { input_tokens: { type: 'integer' } },
  stream: null,
};

export const moderationsDocument: EndpointDocument = {
  operationId: 'createModeration',
  summary: 'Moderations',
  maker: 'OpenAI',
  required: ['input'],
  properties: { input: { type: ['string', 'array'], items: {} } },
  example: { model: 'omni-moderation-latest', input: 'Hello!' },
  answer: { results: { type: 'array', items: { type: 'object' } } },
  stream: null,
  errorSchema: null,
};

export const imagesDocument: EndpointDocument = {
  operationId: 'createImage',
  summary: 'Images from a text',
  maker: 'OpenAI',
  required: ['prompt'],
  properties: { prompt: { type: 'string' }, n: { type: ['integer', 'null'] } },
  example: { model: 'gpt-image-1', prompt: 'A lighthouse' },
  answer: { created: { type: 'integer' }, data: { type: 'array', items: { type: 'object' } } },
  stream: 'Server-sent events, of partial images too.',
  errorSchema: null,
};

export const speechDocument: EndpointDocument = {
  operationId: 'createSpeech',
  summary: 'Speech from a text',
  maker: 'OpenAI',
  required: ['model', 'input', 'voice'],
  properties: { input: { type: 'string' }, voice: { type: ['string', 'object'] } },
  example: { model: 'gpt-4o-mini-tts', input: 'Hello!', voice: 'alloy' },
  answer: 'audio/*',
  stream: 'Server-sent events, where `stream_format` is `sse`.',
  errorSchema: null,
};

const imageAnswer = {
  created: { type: 'integer' },
  data: { type: 'array', items: { type: 'object' } },
};

export const imageEditsDocument: EndpointDocument = {
  operationId: 'createImageEdit',
  summary: 'Edits of images',
  maker: 'OpenAI',
  required: ['image', 'prompt'],
  properties: { image: { type: 'string', format: 'binary' }, prompt: { type: 'string' } },
  example: { model: 'gpt-image-1', prompt: 'At night' },
  answer: imageAnswer,
  stream: 'Server-sent events, of partial images too.',
  errorSchema: null,
};

const secretAnswer = {
  value: { type: 'string' },
  expires_at: { type: 'integer' },
  session: { type: 'object' },
};
const sessionAnswer = { id: { type: 'string' }, client_secret: { type: 'object' } };

export const clientSecretDocument: EndpointDocument = {
  operationId: 'createRealtimeClientSecret',
  summary: 'A key for one realtime session',
  maker: 'OpenAI',
  required: ['session'],
  properties: { session: { type: 'object' }, expires_after: { type: 'object' } },
  example: { session: { type: 'realtime', model: 'gpt-realtime' } },
  answer: secretAnswer,
  stream: null,
  errorSchema: null,
};

export const realtimeSessionDocument: EndpointDocument = {
  ...clientSecretDocument,
  operationId: 'createRealtimeSession',
  summary: 'A key for one realtime session, in the older form',
  required: ['model'],
  properties: {},
  example: { model: 'gpt-4o-realtime-preview' },
  answer: sessionAnswer,
};

export const transcriptionSessionDocument: EndpointDocument = {
  ...realtimeSessionDocument,
  operationId: 'createRealtimeTranscriptionSession',
  summary: 'A key for one session of transcription, in the older form',
  required: ['input_audio_transcription'],
  properties: { input_audio_transcription: { type: 'object' } },
  example: { input_audio_transcription: { model: 'gpt-4o-transcribe' } },
};

export const imageVariationsDocument: EndpointDocument = {
  operationId: 'createImageVariation',
  summary: 'Variations of an image',
  maker: 'OpenAI',
  required: ['image'],
  properties: { image: { type: 'string', format: 'binary' } },
  example: { model: 'dall-e-2' },
  answer: imageAnswer,
  stream: null,
  errorSchema: null,
};

export const transcriptionsDocument: EndpointDocument = {
  operationId: 'createTranscription',
  summary: 'Text of speech',
  maker: 'OpenAI',
  required: ['model', 'file'],
  properties: { file: { type: 'string', format: 'binary' }, response_format: { type: 'string' } },
  example: { model: 'gpt-4o-transcribe' },
  answer: { text: { type: 'string' } },
  stream: 'Server-sent events, where `stream` is `true`.',
  errorSchema: null,
};

export const translationsDocument: EndpointDocument = {
  operationId: 'createTranslation',
  summary: 'English text of speech',
  maker: 'OpenAI',
  required: ['model', 'file'],
  properties: { file: { type: 'string', format: 'binary' }, response_format: { type: 'string' } },
  example: { model: 'whisper-1' },
  answer: { text: { type: 'string' } },
  stream: null,
  errorSchema: null,
};
