import { compileModelPattern } from '../../config/model-pattern.js';
import { modelEndpoints } from '../../dialects/endpoints.js';
import type { ProviderWires } from '../../routing/wire.js';
import type { ProviderRequest } from '../../upstream/ask.js';

/** Asking one of these would cost much, or cannot be done with a text of two letters. */
const notAsked =
  /rerank|dall-e|image|whisper|transcribe|(^|[-_/])(tts|sora|stt)([-_/]|$)|moderation/i;

/**
 * The cheapest request that shows whether a provider answers for a model.
 * @param model as the provider knows it; null: whether it can be reached at all.
 */
export function probeRequest({ to }: ProviderWires, model: string | null): ProviderRequest {
  if (model === null || notAsked.test(model)) return { endpoint: null };
  const spoken = modelEndpoints.filter((endpoint) => to(endpoint, model) !== null);
  const endpoint =
    spoken.find(({ probe }) => probe?.models?.test(model)) ??
    spoken.find(({ probe }) => probe?.models === null);
  return endpoint?.probe
    ? { endpoint, model, body: endpoint.probe.body(model) }
    : { endpoint: null };
}

/** The same for a model that refuses `max_tokens`: with one token it could not finish thinking. */
export function reasoningProbeRequest(wires: ProviderWires, model: string): ProviderRequest {
  const request = probeRequest(wires, model);
  if (!request.endpoint) return request;
  const { max_tokens: _, ...rest } = request.body as Record<string, unknown>;
  return { ...request, body: { ...rest, max_completion_tokens: 16 } };
}

/** The models that a mapping names without wildcards, as clients ask for them. */
export function mappedModels(mapping: Readonly<Record<string, string>>): string[] {
  return Object.keys(mapping).filter((key) => {
    const pattern = compileModelPattern(key);
    return typeof pattern !== 'string' && pattern.kind === 'exact';
  });
}
