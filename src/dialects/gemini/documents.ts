import type { EndpointDocument } from '../endpoint.js';

const contents = { type: 'array', items: { type: 'object' } };
const example = { contents: [{ role: 'user', parts: [{ text: 'Hello!' }] }] };
export const errorSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'status'],
      properties: {
        code: { type: 'integer' },
        message: { type: 'string' },
        status: { type: 'string' },
      },
    },
  },
};

const common = { maker: 'Google', stream: null, errorSchema } as const;

export const generateDocument: EndpointDocument = {
  ...common,
  operationId: 'generateContent',
  summary: "Generate content (Gemini's API)",
  required: ['contents'],
  properties: { contents, systemInstruction: { type: ['object', 'string'] } },
  example,
  answer: { candidates: { type: 'array', items: { type: 'object' } } },
};

export const streamDocument: EndpointDocument = {
  ...generateDocument,
  operationId: 'streamGenerateContent',
  summary: "Generate content as a stream (Gemini's API); `alt=sse` must be given",
  stream: 'Server-sent events without names; the last one has a `finishReason`.',
};

export const countTokensDocument: EndpointDocument = {
  ...common,
  operationId: 'countTokens',
  summary: "Count the tokens of a request (Gemini's API)",
  required: [],
  properties: { contents },
  example,
  answer: { totalTokens: { type: 'integer' } },
};

export const embedDocument: EndpointDocument = {
  ...common,
  operationId: 'embedContent',
  summary: "Embeddings (Gemini's API)",
  required: ['content'],
  properties: { content: { type: 'object' } },
  example: { content: { parts: [{ text: 'Hello!' }] } },
  answer: { embedding: { type: 'object' } },
};

export const embedBatchDocument: EndpointDocument = {
  ...common,
  operationId: 'batchEmbedContents',
  summary: "Embeddings of several texts (Gemini's API)",
  required: ['requests'],
  properties: { requests: { type: 'array', items: { type: 'object' } } },
  example: { requests: [{ content: { parts: [{ text: 'Hello!' }] } }] },
  answer: { embeddings: { type: 'array', items: { type: 'object' } } },
};
