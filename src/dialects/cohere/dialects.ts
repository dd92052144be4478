import type { GatewayError } from '../../errors.js';
import type { Dialect } from '../dialect.js';
import { embeddings } from '../openai/dialects.js';
import { type AnswerBytes, countsAmong, type TokenUsage, usageIn, usageOf } from '../usage.js';

/** Documents in order of their relevance: one dialect with small differences at Cohere, Jina and vLLM. */
export const rerank: Dialect = {
  ...embeddings,
  name: 'cohere.rerank',
  operation: 'rerank',
  countsTokens: false,
  readUsage,
  errorBody,
};

/** Jina and vLLM report tokens; Cohere counts searches, which are no tokens. */
function readUsage(answer: AnswerBytes): TokenUsage | null {
  return usageIn(answer, (usage) => {
    const counts = countsAmong(usage, ['prompt_tokens', 'total_tokens']);
    const tokens = counts?.prompt_tokens ?? counts?.total_tokens;
    return tokens === undefined ? null : usageOf(tokens, 0);
  });
}

/** Cohere's clients read `message`, those of the others `error`. */
function errorBody(error: GatewayError): string {
  return JSON.stringify({ message: error.message, ...JSON.parse(error.toBody()) });
}
