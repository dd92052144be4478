import { noQuirks } from '../dialects/codec.js';
import type { ProviderKind } from './kind.js';

/** Anthropic's own API. */
export const anthropic: ProviderKind = {
  defaultBase: () => 'https://api.anthropic.com/v1',
  path: (_provider, base, { dialect, path }) =>
    dialect.name.startsWith('anthropic.') ? base + path : null,
  listPath: (_provider, base) => `${base}/models`,
  headers: ({ api_key }) => ['x-api-key', api_key],
  defaults: ['anthropic-version', '2023-06-01'],
  quirks: () => noQuirks,
};
