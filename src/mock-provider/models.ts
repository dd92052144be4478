import { ProviderError } from './provider-error.js';

const names = [
  'gpt-4o',
  'gpt-4o-mini',
  'gpt-4',
  'gpt-3.5-turbo',
  'gpt-3.5-turbo-instruct',
  'text-embedding-3-small',
  'text-embedding-3-large',
  'text-embedding-ada-002',
  'mock-echo',
];

/** The body of the list of models. Requests for any other name are answered too. */
export function modelsBody(): string {
  return JSON.stringify({ object: 'list', data: names.map(modelOf) });
}

/** Returns the same list as Gemini's API writes it. */
export function geminiModelsBody(): string {
  return JSON.stringify({ models: names.map((name) => ({ name: `models/${name}` })) });
}

/**
 * The body for one model: a listed one, or one that steers the mock.
 * @throws ProviderError 404 for any other.
 */
export function modelBody(name: string): string {
  if (!names.includes(name) && !name.startsWith('mock-')) {
    throw new ProviderError(404, `The model '${name}' does not exist`, {
      code: 'model_not_found',
      param: 'model',
    });
  }
  return JSON.stringify(modelOf(name));
}

function modelOf(id: string): object {
  return { id, object: 'model', created: 1_700_000_000, owned_by: 'mock' };
}
