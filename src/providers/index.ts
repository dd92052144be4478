import type { ProviderType } from '../config/configuration.js';
import { azure } from './azure.js';
import type { ProviderKind } from './kind.js';
import { openai } from './openai.js';

const kinds: Readonly<Record<ProviderType, ProviderKind>> = { openai, azure };

/** @throws Error for a type that a row has and this version does not know. */
export function kindOf(type: ProviderType): ProviderKind {
  const kind = kinds[type] as ProviderKind | undefined;
  if (!kind) throw new Error(`the provider type "${type}" is not known`);
  return kind;
}
