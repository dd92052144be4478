import type { EndpointDocument } from '../endpoint.js';

/** Jina and vLLM answer here too. */
export const rerankDocument: EndpointDocument = {
  operationId: 'rerank',
  summary: 'Order documents by how well they fit a query',
  maker: 'Cohere',
  required: ['model', 'query', 'documents'],
  properties: {
    query: { type: ['string', 'object'] },
    documents: { type: 'array', items: { type: ['string', 'object'] } },
    top_n: { type: 'integer' },
  },
  example: { model: 'rerank-v3.5', query: 'capital', documents: ['Paris', 'Rome'] },
  answer: { results: { type: 'array', items: { type: 'object' } } },
  stream: null,
  errorSchema: {
    type: 'object',
    required: ['message', 'error'],
    properties: { message: { type: 'string' }, error: { type: 'object' } },
  },
};

export const cohereRerankDocument: EndpointDocument = {
  ...rerankDocument,
  operationId: 'rerankAsCohere',
};
