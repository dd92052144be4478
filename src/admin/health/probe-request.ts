import { compileModelPattern } from '../../config/model-pattern.js';
import type { ModelEndpoint } from '../../dialects/endpoint.js';
import { modelEndpoints } from '../../dialects/endpoints.js';
import type { ProviderRequest } from './ask-provider.js';

/** Asking one of these would cost much, or cannot be done with a text of two letters. */
const notAsked =
  /rerank|dall-e|image|whisper|transcribe|(^|[-_/])(tts|sora|stt)([-_/]|$)|moderation/i;

/**
 * The cheapest request that shows whether a provider answers for a model.
 * @param model as the provider knows it; null: whether it can be reached at all.
 */
export function probeRequest(model: string | null): ProviderRequest {
  if (model === null || notAsked.test(model)) return { method: 'GET', path: '/models' };
  const { path, dialect, probe } = endpointOf(model);
  return { method: 'POST', path, dialect, body: probe.body(model) };
}

/** The same for a model that refuses `max_tokens`: with one token it could not finish thinking. */
export function reasoningProbeRequest(model: string): ProviderRequest {
  const { body, ...request } = probeRequest(model);
  const { max_tokens: _, ...rest } = body as Record<string, unknown>;
  return { ...request, body: { ...rest, max_completion_tokens: 16 } };
}

/** Where models of this name are asked. */
function endpointOf(model: string): ModelEndpoint {
  const found =
    modelEndpoints.find(({ probe }) => probe.models?.test(model)) ??
    modelEndpoints.find(({ probe }) => probe.models === null);
  if (!found) throw new Error('no endpoint takes every model');
  return found;
}

/** The models that a mapping names without wildcards, as clients ask for them. */
export function mappedModels(mapping: Readonly<Record<string, string>>): string[] {
  return Object.keys(mapping).filter((key) => {
    const pattern = compileModelPattern(key);
    return typeof pattern !== 'string' && pattern.kind === 'exact';
  });
}
