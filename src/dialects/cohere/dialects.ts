import type { GatewayError } from '../../errors.js';
import { isObject } from '../conversation/read.js';
import type { AnsweredDialect, Dialect } from '../dialect.js';
import { parsedJson } from '../errors/answer-error.js';
import { jsonWith } from '../errors/no-answer.js';
import { type AnswerBytes, usageIn } from '../find-usage.js';
import { embeddings } from '../openai/dialects.js';
import { hasCounts, noClasses, type TokenUsage, usageOf, usageOfClasses } from '../usage.js';

/** Documents in order of their relevance, in the shape of version 2 of Cohere's API. */
export const rerank: Dialect = {
  ...embeddings,
  name: 'cohere.rerank',
  operation: 'rerank',
  countsTokens: false,
  isAnswer: jsonWith('results', true),
  readUsage,
  errorBody,
};

/** The same in the shape of Jina and vLLM, whose answers hold the documents, too. */
export const rerankAsJina: Dialect = { ...rerank, name: 'jina.rerank' };

/** Version 2 of Cohere's API. No client speaks it. */
export const chat: AnsweredDialect = {
  name: 'cohere.chat',
  judge({ data }) {
    const event = parsedJson(data);
    if (!isObject(event)) return 'content';
    if (event.type === 'message-start' || event.type === 'content-start') return 'waiting';
    const { finish_reason } = isObject(event.delta) ? event.delta : {};
    return finish_reason === 'ERROR' || finish_reason === 'TIMEOUT' ? 'error' : 'content';
  },
  errorIn(text) {
    const event = parsedJson(text);
    if (!isObject(event) || !isObject(event.delta) || event.type !== 'message-end') return null;
    const message = event.delta.error ?? `The model's answer failed: ${event.delta.finish_reason}.`;
    return { status: 502, body: JSON.stringify({ message }) };
  },
  requestIdHeader: null,
};

export const embed: AnsweredDialect = {
  name: 'cohere.embed',
  judge: () => 'content',
  errorIn: () => null,
  requestIdHeader: null,
};

/** Jina and vLLM report tokens; Cohere counts searches. */
function readUsage(answer: AnswerBytes): TokenUsage | null {
  const tokens = usageIn(answer, (usage) => {
    if (!hasCounts(usage, ['prompt_tokens', 'total_tokens'])) return null;
    const count = usage.prompt_tokens ?? usage.total_tokens ?? null;
    return count === null ? null : usageOf(count, 0);
  });
  if (tokens) return tokens;
  const searched = (usage: unknown) => {
    const searches = (hasCounts(usage, ['search_units']) && usage.search_units) || 0;
    return searches > 0 ? usageOfClasses({ ...noClasses, searches }) : null;
  };
  return usageIn(answer, searched, '"billed_units"');
}

/** Cohere's clients read `message`, others `error`. */
function errorBody(error: GatewayError): string {
  return JSON.stringify({ message: error.message, ...JSON.parse(error.toBody()) });
}
