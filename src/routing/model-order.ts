import type { Settings } from '../config/settings-schema.js';

/** The rule for which model is looked up, and which ones after it. */
type ModelSettings = Pick<Settings['routing'], 'provider_suffix' | 'fallbacks'>;

/** The model that a client's name means: without the prefix of the settings, removed once. */
export function modelMeant(asked: string, { provider_suffix: prefix }: ModelSettings): string {
  const hasPrefix = prefix !== '' && asked[prefix.length] === '/' && asked.startsWith(prefix);
  return hasPrefix ? asked.slice(prefix.length + 1) : asked;
}

/** The models that are tried when this one fails, in order. */
export function fallbacksOf(model: string, { fallbacks }: ModelSettings): readonly string[] {
  return (Object.hasOwn(fallbacks, model) && fallbacks[model]) || none;
}

const none: readonly string[] = [];
