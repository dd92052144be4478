import type { EndpointDocument } from '../endpoint.js';

const properties = {
  messages: { type: 'array', items: { type: 'object' } },
  system: { type: ['string', 'array'], items: {} },
  tools: { type: 'array', items: { type: 'object' } },
};
const example = {
  model: 'claude-sonnet-4-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'Hello!' }],
};

export const errorSchema = {
  type: 'object',
  required: ['type', 'error'],
  properties: {
    type: { const: 'error' },
    error: {
      type: 'object',
      required: ['type', 'message'],
      properties: { type: { type: 'string' }, message: { type: 'string' } },
    },
    request_id: { type: ['string', 'null'] },
  },
};

export const messagesDocument: EndpointDocument = {
  operationId: 'createMessage',
  summary: "Messages (Anthropic's API)",
  maker: 'Anthropic',
  required: ['model', 'messages', 'max_tokens'],
  properties: {
    max_tokens: { type: 'integer', minimum: 1 },
    stream: { type: 'boolean', default: false },
    ...properties,
  },
  example,
  answer: { content: { type: 'array', items: { type: 'object' } }, usage: { type: 'object' } },
  stream: 'Server-sent events, from `message_start` to `message_stop`.',
  errorSchema,
};

export const countTokensDocument: EndpointDocument = {
  operationId: 'countMessageTokens',
  summary: "Count the tokens of a request (Anthropic's API)",
  maker: 'Anthropic',
  required: ['model', 'messages'],
  properties,
  example: { model: example.model, messages: example.messages },
  answer: { input_tokens: { type: 'integer' } },
  stream: null,
  errorSchema,
};
