import { noQuirks } from '../dialects/codec.js';
import type { ProviderKind } from './kind.js';
import { pathSegment } from './path-segment.js';

/** Google's Gemini API. */
export const gemini: ProviderKind = {
  defaultBase: () => 'https://generativelanguage.googleapis.com/v1beta',
  path(_provider, base, { dialect, path }, model, stream) {
    if (!dialect.name.startsWith('gemini.')) return null;
    const method = stream ? ':streamGenerateContent?alt=sse' : ':generateContent';
    return `${base}/${resourceOf(model)}${path || method}`;
  },
  listPath: (_provider, base) => `${base}/models`,
  headers: ({ api_key }) => ['x-goog-api-key', api_key],
  defaults: [],
  quirks: () => noQuirks,
};

/** A name may include its collection; every other slash is part of the name. */
function resourceOf(model: string): string {
  const [, collection = 'models', name = model] = /^(models|tunedModels)\/(.*)$/s.exec(model) ?? [];
  return `${collection}/${pathSegment(name)}`;
}
