import type { SecretPlace } from './secret-cipher.js';
import type { SecretColumns } from './secret-store.js';

/** Scheme, host and port of a provider's base URL; empty where it is not a URL. */
export function originOf(apiBase: string): string {
  return URL.canParse(apiBase) ? new URL(apiBase).origin : '';
}

/** A provider's extra headers, by name. */
export function headersOf({ provider_params }: Pick<SecretColumns, 'provider_params'>) {
  const headers: unknown = Reflect.get(provider_params, 'headers');
  const entries = headers instanceof Object ? Object.entries(headers) : [];
  return new Map(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** A provider's parameters with the values of its extra headers replaced. */
export function withHeaders(
  { provider_params }: Pick<SecretColumns, 'provider_params'>,
  headers: ReadonlyMap<string, string>,
): Record<string, unknown> {
  if (headers.size === 0) return provider_params as Record<string, unknown>;
  return { ...provider_params, headers: Object.fromEntries(headers) };
}

/** The place that a provider's encrypted `api_key` is bound to. */
export function keyPlace({ provider_key, api_base }: SecretColumns): SecretPlace {
  const origin = originOf(api_base);
  return { table: 'providers', row: provider_key, column: 'api_key', origin };
}

/** The place that a provider's encrypted extra header is bound to. */
export function headerPlace(row: SecretColumns, header: string): SecretPlace {
  return { ...keyPlace(row), column: `provider_params.headers.${header.toLowerCase()}` };
}
