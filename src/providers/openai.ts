import type { ProviderKind } from './kind.js';

/** OpenAI, and every server that is compatible with it. */
export const openai: ProviderKind = {
  defaultBase: null,
  path: (_provider, base, { dialect, path }) =>
    dialect.name.startsWith('openai.') ? base + path : null,
  listPath: (_provider, base) => `${base}/models`,
  headers: ({ api_key }) => ['authorization', `Bearer ${api_key}`],
  defaults: [],
};
