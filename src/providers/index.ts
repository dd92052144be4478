import type { ProviderParams, ProviderType } from '../config/configuration.js';
import { anthropic } from './anthropic.js';
import { azure } from './azure.js';
import { bedrock } from './bedrock.js';
import { cohere } from './cohere.js';
import { gemini } from './gemini.js';
import type { ProviderKind } from './kind.js';
import { openai } from './openai.js';
import { vertex } from './vertex.js';

const kinds: Readonly<Record<ProviderType, ProviderKind>> = {
  openai,
  azure,
  anthropic,
  gemini,
  vertex,
  bedrock,
  cohere,
};

/** Default base URL of a provider type; null if it must be given, or if the type is unknown. */
export function defaultBaseOf(type: string, params: ProviderParams): string | null {
  return Object.hasOwn(kinds, type) ? kinds[type as ProviderType].defaultBase(params) : null;
}

/** @throws Error for a row's type that this version does not know. */
export function kindOf(type: ProviderType): ProviderKind {
  const kind = kinds[type] as ProviderKind | undefined;
  if (!kind) throw new Error(`the provider type "${type}" is not known`);
  return kind;
}
