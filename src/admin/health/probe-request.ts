import { compileModelPattern } from '../../config/model-pattern.js';
import type { ProviderRequest } from './ask-provider.js';

/** Kinds of models that cannot be asked to chat, by what is usual in their names. */
const kinds: readonly { names: RegExp; request: (model: string) => ProviderRequest }[] = [
  // Asking one of these would cost much, or cannot be done with a text of two letters.
  {
    names: /rerank|dall-e|image|whisper|transcribe|(^|[-_/])(tts|sora|stt)([-_/]|$)|moderation/i,
    request: listRequest,
  },
  {
    names: /embed|(^|[-_/])(bge|gte|e5)[-_]/i,
    request: (model) => ({ method: 'POST', path: '/embeddings', body: { model, input: 'hi' } }),
  },
  {
    names: /^(gpt-3\.5-turbo-instruct|(davinci|babbage)-002)/i,
    request: (model) => ({
      method: 'POST',
      path: '/completions',
      body: { model, prompt: 'hi', max_tokens: 1 },
    }),
  },
];

/**
 * The cheapest request that shows whether a provider answers for a model.
 * @param model as the provider knows it; null: whether it can be reached at all.
 */
export function probeRequest(model: string | null): ProviderRequest {
  if (model === null) return listRequest();
  return (
    kinds.find(({ names }) => names.test(model))?.request(model) ?? chat(model, 'max_tokens', 1)
  );
}

/** The same for a model that refuses `max_tokens`: with one token it could not finish thinking. */
export function reasoningProbeRequest(model: string): ProviderRequest {
  return chat(model, 'max_completion_tokens', 16);
}

/** The models that a mapping names without wildcards, as clients ask for them. */
export function mappedModels(mapping: Readonly<Record<string, string>>): string[] {
  return Object.keys(mapping).filter((key) => {
    const pattern = compileModelPattern(key);
    return typeof pattern !== 'string' && pattern.kind === 'exact';
  });
}

function chat(model: string, limit: string, tokens: number): ProviderRequest {
  const messages = [{ role: 'user', content: 'hi' }];
  return { method: 'POST', path: '/chat/completions', body: { model, messages, [limit]: tokens } };
}

function listRequest(): ProviderRequest {
  return { method: 'GET', path: '/models' };
}
