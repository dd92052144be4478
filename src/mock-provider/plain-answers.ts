import { embeddingsBody } from './embeddings.js';
import { ProviderError } from './provider-error.js';

/** The fields of a request, which has a model. */
export type Fields = Record<string, unknown> & { model: string };

/** The body of an answer that is no stream. @throws ProviderError 400 naming the field. */
export type PlainAnswer = (fields: Fields) => string;

/** Answers that are no text of a model, by the dialect that was asked in. */
export const plainAnswers = {
  'openai.embeddings': embeddingsBody,
  'openai.moderations': moderationsBody,
} as const satisfies Record<string, PlainAnswer>;

const categories = ['hate', 'harassment', 'self-harm', 'sexual', 'violence'];

/** An input with the word "kill" is violent. */
function moderationsBody({ model, input }: Fields): string {
  if (input === undefined) {
    throw new ProviderError(400, "Missing required parameter: 'input'.", { param: 'input' });
  }
  const inputs = Array.isArray(input) ? input : [input];
  const results = inputs.map((one) => {
    const flagged = /\bkill\b/i.test(JSON.stringify(one));
    const isOne = (name: string) => flagged && name === 'violence';
    const each = <T>(value: (name: string) => T) =>
      Object.fromEntries(categories.map((name) => [name, value(name)]));
    return {
      flagged,
      categories: each(isOne),
      category_scores: each((name) => (isOne(name) ? 0.99 : 0.01)),
    };
  });
  return JSON.stringify({ id: 'modr-mock', model, results });
}
