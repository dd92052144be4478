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
