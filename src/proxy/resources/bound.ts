import { isObject } from '../../dialects/conversation/read.js';
import type { Dialect, NamedResource } from '../../dialects/dialect.js';
import type { AskedEndpoint } from '../../dialects/endpoint.js';
import { type ModelRequest, memberOf } from '../../dialects/head.js';
import { GatewayError } from '../../errors.js';
import type { Route, RoutedCredential } from '../../routing/snapshot.js';
import type { Answer } from '../attempts/planned-request.js';
import type { Gateway } from '../gateway.js';
import { ownerOf } from './resources.js';

/** Something that a request names. */
export interface Named extends NamedResource {
  /** True if it may have been made without this gateway, which then knows nothing of it. */
  isMaybeForeign?: boolean;
}

/**
 * The key of the provider where everything named by a request lives; null where it names nothing.
 * @throws GatewayError `not_found` for objects that this key's team did not make, `invalid_request`
 *   where they live at several providers, `unavailable`.
 */
export async function boundTo(
  { resources }: Pick<Gateway, 'resources'>,
  credential: RoutedCredential,
  named: readonly Named[],
): Promise<string | null> {
  if (named.length === 0) return null;
  const found = await resources.find(named.map(({ id }) => id));
  const owner = ownerOf(credential);
  const providers = new Set<string>();
  found.forEach((resource, i) => {
    const { id, param, isMaybeForeign = false } = named[i] as Named;
    if (!resource && isMaybeForeign) return;
    if (resource?.owner !== owner) {
      throw new GatewayError(
        'not_found',
        `Nothing with the id "${id}" was created with this key.`,
        {
          ...(param !== null && { param }),
        },
      );
    }
    providers.add(resource.provider);
  });
  if (providers.size > 1) {
    const message = `What the request names lives at several providers: ${[...providers].join(', ')}.`;
    throw new GatewayError('invalid_request', message, { param: named[0]?.param ?? 'id' });
  }
  return [...providers][0] ?? null;
}

/** The objects that a request names at the top level of its body. */
export function namedIn(
  { body, spans }: ModelRequest,
  { resources }: Pick<Dialect, 'resources'>,
): NamedResource[] {
  const named: NamedResource[] = [];
  for (const param of resources?.members ?? []) {
    // A name may occur twice, and a provider may read either.
    for (const span of spans.get(param) ?? []) {
      const value = memberOf(body, param, [span]);
      for (const each of Array.isArray(value) ? value : [value]) {
        const id = isObject(each) ? each.id : each;
        if (typeof id === 'string') named.push({ id, param });
      }
    }
  }
  return named;
}

/**
 * The routes of a request, reduced to the provider where the objects that it names live.
 * @returns a promise only where it names some.
 * @throws GatewayError as `boundTo`; `invalid_request` where that provider does not serve the
 *   model. It and the promise throw alike.
 */
export function boundRoutes(
  gateway: Gateway,
  credential: RoutedCredential,
  endpoint: AskedEndpoint & { dialect: Dialect },
  request: ModelRequest,
  routes: readonly Route[],
): readonly Route[] | Promise<readonly Route[]> {
  const named = namedIn(request, endpoint.dialect);
  const isNative = ({ candidates }: Route) =>
    candidates.some((candidate) => candidate.wire(endpoint)?.translation === null);
  // Translation refuses these members with its own message.
  if (named.length > 0 && !routes.some(isNative)) return routes;
  const within = endpoint.dialect.resources?.within?.(request.body) ?? [];
  if (named.length + within.length === 0) return routes;
  const all = [...named, ...within.map((each) => ({ ...each, isMaybeForeign: true }))];
  const able = named.length > 0 ? routes.filter(isNative) : routes;
  return routesTo(gateway, credential, request.model, all, able);
}

async function routesTo(
  gateway: Gateway,
  credential: RoutedCredential,
  model: string,
  named: readonly Named[],
  routes: readonly Route[],
): Promise<readonly Route[]> {
  const provider = await boundTo(gateway, credential, named);
  if (provider === null) return routes;
  for (const { candidates } of routes) {
    const maker = candidates.find((candidate) => candidate.provider.key === provider);
    if (maker) return [routeTo(maker)];
  }
  const [{ param } = { param: null }] = named;
  const message = `It lives at the provider "${provider}", which does not serve "${model}".`;
  throw new GatewayError('invalid_request', message, { param: param ?? 'model' });
}

export function routeTo(candidate: Route['candidates'][number]): Route {
  const { key, weight, priority } = candidate.provider;
  return { candidates: [candidate], priorities: [priority], group: `${key}=${weight}` };
}

/** Records the owner of a stored response, from the beginning of the answer. */
export function noteMade(
  { resources }: Gateway,
  credential: RoutedCredential,
  { resources: of }: Dialect,
  { body, spans }: ModelRequest,
  { attempt, translated }: Answer,
  provider: string | null,
): void {
  if (!of?.made || translated || provider === null || attempt.status >= 300) return;
  if (memberOf(body, 'store', spans.get('store')) === false) return;
  const [, id] = of.made.exec(attempt.held.toString('latin1', 0, maxHeadBytes)) ?? [];
  if (id !== undefined) resources.made({ id, provider, owner: ownerOf(credential) });
}

const maxHeadBytes = 4_096;
