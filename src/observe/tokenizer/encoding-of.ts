/** The encodings of OpenAI's current models. */
export type Encoding = 'cl100k_base' | 'o200k_base';

/**
 * The encoding of a model's family, by its name without a provider's prefix (`openai/`) or that of
 * a fine-tuned model (`ft:`). Other makers' models get the encoding of OpenAI's newest.
 */
export function encodingOf(model: string): Encoding {
  const name = familyName(model);
  if (/^(gpt-4o|gpt-4\.\d|chatgpt-4o)/.test(name)) return 'o200k_base';
  return /^(gpt-4|gpt-3\.?5|text-embedding-|davinci-002|babbage-002)/.test(name)
    ? 'cl100k_base'
    : 'o200k_base';
}

/** A model's name, lower-case, without any prefix before the family's name. */
export function familyName(model: string): string {
  return model
    .slice(model.lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(/^ft:/, '');
}
