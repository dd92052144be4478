import type { ProviderType } from '../config/configuration.js';
import { anthropic } from './anthropic.js';
import { azure } from './azure.js';
import { gemini } from './gemini.js';
import type { ProviderKind } from './kind.js';
import { openai } from './openai.js';

const kinds: Readonly<Record<ProviderType, ProviderKind>> = {
  openai,
  azure,
  anthropic,
  gemini,
};

/** Where providers of a type are when nobody says; null where somebody must, or it is not known. */
export function defaultBaseOf(type: string): string | null {
  return Object.hasOwn(kinds, type) ? kinds[type as ProviderType].defaultBase : null;
}

/** @throws Error for a type that a row has and this version does not know. */
export function kindOf(type: ProviderType): ProviderKind {
  const kind = kinds[type] as ProviderKind | undefined;
  if (!kind) throw new Error(`the provider type "${type}" is not known`);
  return kind;
}
