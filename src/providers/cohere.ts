import { noQuirks } from '../dialects/codec.js';
import type { ProviderKind } from './kind.js';

const paths: Readonly<Record<string, string>> = {
  'cohere.chat': '/v2/chat',
  'cohere.embed': '/v2/embed',
  'cohere.rerank': '/v2/rerank',
};

/** Cohere's own API, version 2. */
export const cohere: ProviderKind = {
  defaultBase: () => 'https://api.cohere.com',
  path(_provider, base, { dialect: { name } }) {
    const path = Object.hasOwn(paths, name) ? paths[name] : undefined;
    return path === undefined ? null : withoutVersion(base) + path;
  },
  listPath: (_provider, base) => `${withoutVersion(base)}/v1/models`,
  headers: ({ api_key }) => ['authorization', `Bearer ${api_key}`],
  defaults: [],
  quirks: () => noQuirks,
};

function withoutVersion(base: string): string {
  return base.replace(/\/v[12]$/, '');
}
