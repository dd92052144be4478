import type { TokenUsage } from '../../dialects/usage.js';
import type { UncountedText } from '../request-event.js';
import { jsonAnswerTexts, streamAnswerTexts } from './answer-texts.js';
import { textCounter } from './encode.js';
import { encodingOf } from './encoding-of.js';
import { estimateByBytes, leftOutFactor } from './estimate-by-bytes.js';
import { objectOf, parseJson } from './json-value.js';
import { promptTokens } from './prompt-tokens.js';

/**
 * Counts the tokens of a request and of the delivered part of its answer. It may take seconds: see
 * tokenizer.ts.
 * @param model the provider's name of it; its family decides the encoding.
 */
export function countTokens(text: UncountedText, model: string): TokenUsage {
  const byBytes = estimateByBytes(text);
  const request = parseJson(Buffer.from(text.request).toString());
  return {
    promptTokens: request === null ? byBytes.promptTokens : promptTokens(objectOf(request), model),
    completionTokens: completionTokens(text, model) ?? byBytes.completionTokens,
  };
}

/** Null where the answer is neither a stream nor JSON, or JSON that was cut short. */
function completionTokens(text: UncountedText, model: string): number | null {
  const bytes = Buffer.concat(text.answer);
  const body = bytes.toString();
  if (body === '') return 0;
  const whole = parseJson(body);
  if (whole === null && !/^(data|event|id|retry)?:/m.test(body)) return null;
  const count = textCounter(encodingOf(model));
  const texts = whole === null ? streamAnswerTexts(bytes) : jsonAnswerTexts(whole);
  const tokens = texts.reduce((sum, each) => sum + count(each), 0);
  return Math.round(tokens * leftOutFactor(text, bytes.length));
}
