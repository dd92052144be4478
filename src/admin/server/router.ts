import { GatewayError } from '../../errors.js';
import type { RouteDescription } from '../route.js';
import { type RequestCheck, requestCheck } from './check-request.js';

export interface Found<R extends RouteDescription> {
  route: R;
  check: RequestCheck;
  /** Decoded values of the path's parameters. */
  params: Readonly<Record<string, string>>;
}

/** Finds the route of a method and path. */
export type Router<R extends RouteDescription> = (method: string, path: string) => Found<R>;

/**
 * Compiles all routes once. The returned router throws GatewayError `unknown_url`,
 * `method_not_allowed` (with `allow`) or `invalid_request`.
 */
export function createRouter<R extends RouteDescription>(routes: readonly R[]): Router<R> {
  const compiled = routes.map((route) => ({
    route,
    check: requestCheck(route),
    pattern: pathPattern(route.path),
  }));
  return (method, path) => {
    const allowed: string[] = [];
    for (const { route, check, pattern } of compiled) {
      const match = pattern.exec(path);
      if (match === null) continue;
      if (route.method === (method === 'HEAD' ? 'GET' : method)) {
        return { route, check, params: decoded(match.groups ?? {}) };
      }
      allowed.push(...(route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]));
    }
    if (allowed.length === 0) {
      throw new GatewayError('unknown_url', `Unknown request URL: ${method} ${path}.`);
    }
    const allow = allowed.join(', ');
    throw new GatewayError('method_not_allowed', `${path} takes ${allow}, not ${method}.`, {
      headers: { allow },
    });
  };
}

function pathPattern(path: string): RegExp {
  const escaped = path.replace(/[.+*?^$()[\]\\|]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
}

function decoded(groups: Record<string, string>): Record<string, string> {
  const params: Record<string, string> = {};
  for (const [name, text] of Object.entries(groups)) {
    try {
      params[name] = decodeURIComponent(text);
    } catch {
      throw new GatewayError('invalid_request', `${name} in the URL is not well encoded.`, {
        param: name,
      });
    }
  }
  return params;
}
