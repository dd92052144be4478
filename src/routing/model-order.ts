import type { Settings } from '../config/settings/settings-types.js';
import type { ErrorKind } from '../dialects/errors/error-kind.js';

/** The rule for which model is looked up, and which ones after it. */
type ModelSettings = Pick<
  Settings['routing'],
  'provider_suffix' | 'fallbacks' | 'context_length_fallbacks' | 'content_policy_fallbacks'
>;

/** The model that a client's name refers to: without the configured prefix, removed once. */
export function modelMeant(
  asked: string,
  { provider_suffix: prefix }: Pick<ModelSettings, 'provider_suffix'>,
): string {
  const hasPrefix = prefix !== '' && asked[prefix.length] === '/' && asked.startsWith(prefix);
  return hasPrefix ? asked.slice(prefix.length + 1) : asked;
}

/** The models to try, in order, when this one fails. */
export function fallbacksOf(
  model: string,
  { fallbacks }: Pick<ModelSettings, 'fallbacks'>,
): readonly string[] {
  return entryOf(fallbacks, model) ?? none;
}

/**
 * The models to try, in order, when a provider refuses the request's content. A request too long
 * for a model may fit a fallback; content that one refuses is sent elsewhere only if configured.
 */
export function fallbacksOfKind(
  model: string,
  kind: ErrorKind,
  { fallbacks, context_length_fallbacks, content_policy_fallbacks }: ModelSettings,
): readonly string[] {
  if (kind === 'content_policy') return entryOf(content_policy_fallbacks, model) ?? none;
  return entryOf(context_length_fallbacks, model) ?? entryOf(fallbacks, model) ?? none;
}

/** Every model that may be tried instead of this one, whatever fails. */
export function allFallbacksOf(model: string, settings: ModelSettings): readonly string[] {
  const { fallbacks, context_length_fallbacks, content_policy_fallbacks } = settings;
  const lists = [fallbacks, context_length_fallbacks, content_policy_fallbacks];
  return [...new Set(lists.flatMap((list) => entryOf(list, model) ?? none))];
}

function entryOf(lists: Readonly<Record<string, string[]>>, model: string): string[] | undefined {
  return Object.hasOwn(lists, model) ? lists[model] : undefined;
}

const none: readonly string[] = [];
