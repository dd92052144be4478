import { noProxy } from '../network/http-proxy.js';
import type { SecretPlace } from './secret-cipher.js';
import type { SecretColumns } from './secret-store.js';

/** Scheme, host and port of a provider's base URL; empty where it is not a URL. */
export function originOf(apiBase: string): string {
  return URL.canParse(apiBase) ? new URL(apiBase).origin : '';
}

/**
 * The receiver of a provider's secrets: the origin of its base URL and, over plain HTTP, its own
 * proxy.
 */
export function receiverOf({
  api_base,
  provider_params,
}: Pick<SecretColumns, 'api_base' | 'provider_params'>): string {
  const origin = originOf(api_base);
  const proxy: unknown = Reflect.get(provider_params, 'proxy');
  const reads = origin.startsWith('http:') && typeof proxy === 'string' && proxy !== noProxy;
  return reads ? `${origin} by the proxy ${proxy}` : origin;
}

/** Members of `provider_params` whose values are secrets, each an object of texts. */
export const secretMembers = ['headers', 'query'] as const;

/**
 * A provider's secret parameters by path, such as `headers.x-key` or `query.key`. SQL may have written
 * a text in the place of the object, which is then the secret.
 */
export function secretParamsOf({
  provider_params,
}: Pick<SecretColumns, 'provider_params'>): Map<string, string> {
  const found = new Map<string, string>();
  for (const member of secretMembers) {
    const values: unknown = Reflect.get(provider_params, member);
    if (typeof values === 'string') found.set(member, values);
    for (const [name, value] of Object.entries(values instanceof Object ? values : {})) {
      if (typeof value === 'string') found.set(`${member}.${name}`, value);
    }
  }
  return found;
}

/**
 * A provider's parameters with the values of its secret ones replaced.
 * @param values by path, as `secretParamsOf` has them.
 */
export function withSecretParams(
  { provider_params }: Pick<SecretColumns, 'provider_params'>,
  values: ReadonlyMap<string, string>,
): Record<string, unknown> {
  const replaced = { ...provider_params } as Record<string, unknown>;
  for (const member of secretMembers) {
    const whole = values.get(member);
    if (whole !== undefined) replaced[member] = whole;
    const start = `${member}.`;
    const own = [...values].filter(([path]) => path.startsWith(start));
    if (own.length === 0) continue;
    replaced[member] = Object.fromEntries(
      own.map(([path, value]) => [path.slice(start.length), value]),
    );
  }
  return replaced;
}

/** The place that a provider's encrypted `api_key` is bound to. */
export function keyPlace(row: SecretColumns): SecretPlace {
  const origin = receiverOf(row);
  return { table: 'providers', row: row.provider_key, column: 'api_key', origin };
}

/** The place that an encrypted parameter is bound to; names of headers have no case. */
export function paramPlace(row: SecretColumns, path: string): SecretPlace {
  const name = path.startsWith('headers.') ? path.toLowerCase() : path;
  return { ...keyPlace(row), column: `provider_params.${name}` };
}
