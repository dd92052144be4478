import { GatewayError } from '../errors.js';

/**
 * The only interpretation of a request target. Workers and the control process both use it before
 * they match an endpoint, and neither resolves a path afterwards: with two interpretations, a
 * request could pass the check of one endpoint and be served as another.
 */

/** Nearly all paths have none of these, and so no problem. */
const suspicious = /^(?!\/)|\/[/.]|[^!-~]|[\\#%]/;
const notInQuery = /[^!-~]|#/;
const notInHost = /[^!-~]|[,/?#@\\]/;

/** The only place where SDKs encode a slash: a model's name. */
const mayEncodeSlash = /^\/v1(?:beta1?)?\/models\/./;

/** Google's SDK puts the path of its Live API after the slash that ends a base URL. */
const doubledSlash = /^\/\/ws\/google\.[\w.]+(?:\/\w+)?$/;

/** Servlet containers also treat `..;x` as one. */
const dotSegment = /^\.{1,2}(?:;|$)/;

const maxDecodings = 3;

/**
 * Refuses a `Host` that is repeated (RFC 9112, 3.2) or invalid.
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
  const isOdd = suspicious.test(path) && !doubledSlash.test(path);
  const problem = isOdd ? pathProblem(path) : null;
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
    const before = decoded;
    try {
      decoded = decodeURIComponent(before);
    } catch {
      if (decodings === 0) return 'is not well encoded';
      // A percent sign that appears after decoding is a character of the path; others may encode.
      decoded = before.replace(/%[0-7][0-9a-f]/gi, decodeURIComponent);
      if (decoded === before) return null;
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
