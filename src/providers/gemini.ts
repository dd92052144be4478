import { noQuirks } from '../dialects/codec.js';
import type { ProviderKind } from './kind.js';
import { pathSegment } from './path-segment.js';

/** Google's Gemini API. */
export const gemini: ProviderKind = {
  defaultBase: () => 'https://generativelanguage.googleapis.com/v1beta',
  path(_provider, base, { dialect, path }, model, stream) {
    if (!dialect.name.startsWith('gemini.')) return null;
    if (dialect.name === 'gemini.live') {
      const own = path.startsWith('/ws/google.ai.') ? path : livePath;
      return base.replace(/\/v1(?:alpha|beta)?$/, '') + own;
    }
    const method = stream ? ':streamGenerateContent?alt=sse' : ':generateContent';
    return `${base}/${resourceOf(model)}${path || method}`;
  },
  sessionModel: (_provider, model) =>
    /^(?:models|tunedModels)\//.test(model) ? model : `models/${model}`,
  listPath: (_provider, base) => `${base}/models`,
  headers: ({ api_key }) => ['x-goog-api-key', api_key],
  defaults: [],
  quirks: () => noQuirks,
};

/** For clients of Vertex AI's. */
const livePath = '/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent';

/** A name may include its collection; every other slash is part of the name. */
function resourceOf(model: string): string {
  const [, collection = 'models', name = model] = /^(models|tunedModels)\/(.*)$/s.exec(model) ?? [];
  return `${collection}/${pathSegment(name)}`;
}
