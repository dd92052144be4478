import { GatewayError } from '../errors.js';

/**
 * The one reading of a request target. Workers and the control process both ask it before they
 * look for an endpoint, and neither resolves a path afterwards: with two readings of one path, a
 * request passes the check of one endpoint and is served as another.
 */

/** A path without any of these, as nearly all are, has no problem. */
const suspicious = /^(?!\/)|\/[/.]|[^!-~]|[\\#%]/;
const notInQuery = /[^!-~]|#/;
const notInHost = /[^!-~]|[,/?#@\\]/;

/** The one place where SDKs encode a slash: in the name of a model. */
const mayEncodeSlash = /^\/v1\/models\/./;

/** Servers of servlets take `..;x` for one, too. */
const dotSegment = /^\.{1,2}(?:;|$)/;

const maxDecodings = 3;

/**
 * Refuses a `Host` that is sent more than once (RFC 9112, 3.2) or is none.
 * @param headers flat list `[name, value, …]`.
 * @throws GatewayError `invalid_request`.
 */
export function checkHost(headers: readonly string[]): void {
  let hosts = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (++hosts > 1) throw invalid('The request has more than one Host.');
    if (notInHost.test(headers[i + 1] ?? '')) throw invalid('The Host of the request is no host.');
  }
}

/**
 * Refuses a target that two parsers could read differently.
 * @param path undecoded, without the query.
 * @param query undecoded, without the question mark.
 * @throws GatewayError `invalid_request`.
 */
export function checkTarget(path: string, query: string): void {
  const problem = suspicious.test(path) ? pathProblem(path) : null;
  if (problem !== null) throw invalid(`The path of the request ${problem}.`);
  if (notInQuery.test(query)) {
    throw invalid('The query of the request has a character that must be encoded.');
  }
}

function pathProblem(path: string): string | null {
  if (!path.startsWith('/')) return 'does not begin with a slash';
  if (/[^!-~]|#/.test(path)) return 'has a character that must be encoded';
  let decoded = path;
  for (let decodings = 0; ; decodings++) {
    const problem = segmentsProblem(decoded);
    if (problem !== null || !decoded.includes('%')) return problem;
    if (/%2f/i.test(decoded) && !mayEncodeSlash.test(path)) return 'has an encoded slash';
    if (decodings === maxDecodings) return 'is encoded more than once';
    try {
      decoded = decodeURIComponent(decoded);
    } catch {
      // Decoded once, it may have a percent sign of its own.
      return decodings === 0 ? 'is not well encoded' : null;
    }
  }
}

function segmentsProblem(path: string): string | null {
  if (/\p{Cc}/u.test(path)) return 'has a control character';
  if (path.includes('\\')) return 'has a backslash';
  if (path.includes('//')) return 'has an empty segment';
  if (path.split('/').some((segment) => dotSegment.test(segment))) return 'has a dot segment';
  return null;
}

function invalid(message: string): GatewayError {
  return new GatewayError('invalid_request', message);
}
