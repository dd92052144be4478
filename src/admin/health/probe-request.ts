import { compileModelPattern } from '../../config/rows/model-pattern.js';
import { modelEndpoints } from '../../dialects/endpoints.js';
import type { ProviderWires } from '../../routing/wire.js';
import type { ProviderRequest } from '../../upstream/ask.js';

/** Models whose probe would be expensive, or impossible with a text of two letters. */
const notAsked =
  /rerank|dall-e|image|whisper|transcribe|(^|[-_/])(tts|sora|stt)([-_/]|$)|moderation/i;

/**
 * The cheapest request that tests a provider with a model.
 * @param model the provider's name of it; null tests reachability only.
 */
export function probeRequest(
  { to, translated }: ProviderWires,
  model: string | null,
): ProviderRequest {
  if (model === null || notAsked.test(model)) return { endpoint: null };
  const native = modelEndpoints.filter(({ probe }) => probe).filter((each) => to(each, model));
  // If no client speaks the provider's dialect, the probe is translated.
  const spoken =
    native.length > 0 ? native : modelEndpoints.filter((each) => translated(each, model));
  const endpoint =
    spoken.find(({ probe }) => probe?.models?.test(model)) ??
    spoken.find(({ probe }) => probe?.models === null);
  return endpoint?.probe
    ? { endpoint, model, body: endpoint.probe.body(model) }
    : { endpoint: null };
}

/** The same for a reasoning model, which refuses `max_tokens` and needs more than one token. */
export function reasoningProbeRequest(wires: ProviderWires, model: string): ProviderRequest {
  const request = probeRequest(wires, model);
  if (!request.endpoint) return request;
  const { max_tokens: _, ...rest } = request.body as Record<string, unknown>;
  return { ...request, body: { ...rest, max_completion_tokens: 16 } };
}

/** Clients' names of the models that a mapping names without wildcards. */
export function mappedModels(mapping: Readonly<Record<string, string>>): string[] {
  return Object.keys(mapping).filter((key) => {
    const pattern = compileModelPattern(key);
    return typeof pattern !== 'string' && pattern.kind === 'exact';
  });
}
