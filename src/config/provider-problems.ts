import { authMethods, type Provider } from './configuration.js';
import { hostProblem, unclearProblem } from './network/address.js';
import { noProxy, parseProxy } from './network/http-proxy.js';
import { neverForwarded, ownHeaders } from './network/own-headers.js';
import { type Problem, under } from './problem.js';
import { compileModelPattern, patternsProblem } from './rows/model-pattern.js';
import { providerProperties } from './rows/provider-schema.js';
import { compileSchema, toProblems } from './schema.js';
import { providerKeyProblem } from './secrets/secret-reference.js';
import type { PrivateAddresses } from './settings/settings-types.js';

const validateProviderShape = compileSchema<Provider>({
  type: 'object',
  required: ['provider_key', 'api_base', 'api_key'],
  properties: providerProperties,
});

/** The problems of one provider; paths start with its key. */
export function providerProblems(
  provider: Provider,
  source: string,
  privateAddresses: PrivateAddresses = 'allow',
): Problem[] {
  const at = `providers.${provider.provider_key}`;
  if (!validateProviderShape(provider)) {
    return under(at, toProblems(source, validateProviderShape.errors));
  }
  const problems: Problem[] = [];
  const add = (path: string, reason: string) =>
    problems.push({ source, path: `${at}.${path}`, reason });
  const badBase = apiBaseProblem(provider.api_base, privateAddresses);
  if (badBase) add('api_base', badBase);
  const badKey = providerKeyProblem(provider.api_key, provider.provider_type);
  if (badKey) add('api_key', badKey);
  const badProxy = ownProxyProblem(provider.provider_params.proxy, privateAddresses);
  if (badProxy) add('provider_params.proxy', badProxy);
  const badAuth = authProblem(provider);
  if (badAuth) add('provider_params.auth.method', badAuth);
  for (const name of Object.keys(provider.provider_params.headers ?? {})) {
    if (ownHeaders.has(name.toLowerCase())) {
      add(`provider_params.headers.${name}`, 'is a header that the gateway sets itself');
    }
  }
  for (const name of provider.provider_params.forward_headers ?? []) {
    if (neverForwarded.has(name.toLowerCase())) {
      add(`provider_params.forward_headers.${name}`, 'is a header that the gateway sets itself');
    }
  }
  const { model_timeouts = {} } = provider.provider_params;
  for (const [path, patterns] of [
    ['model_mapping', Object.keys(provider.model_mapping)],
    ['provider_params.model_timeouts', Object.keys(model_timeouts)],
  ] as const) {
    const reason = patternsProblem(patterns);
    if (reason !== null) add(path, reason);
    if (reason !== null) return problems;
  }
  for (const name of Object.keys(model_timeouts)) {
    const pattern = compileModelPattern(name);
    if (typeof pattern === 'string') add(`provider_params.model_timeouts.${name}`, pattern);
  }
  for (const [key, value] of Object.entries(provider.model_mapping)) {
    const reason = mappingProblem(key, value);
    if (reason) add(`model_mapping.${key}`, reason);
  }
  return problems;
}

function authProblem({ provider_type, provider_params: { auth } }: Provider): string | null {
  if (!auth) return null;
  const known: Readonly<Record<string, readonly string[]>> = authMethods;
  const methods = Object.hasOwn(known, provider_type) ? known[provider_type] : undefined;
  if (methods?.includes(auth.method)) return null;
  const which = methods ? methods.join(', ') : 'none';
  return `"${auth.method}" is not a method of a provider of type ${provider_type}, which has: ${which}`;
}

/** The reason that a text is not a valid base URL of a provider, or null. */
export function apiBaseProblem(
  apiBase: string,
  privateAddresses: PrivateAddresses = 'allow',
): string | null {
  const unclear = unclearProblem(apiBase);
  if (unclear !== null) return unclear;
  if (!URL.canParse(apiBase)) return 'is not a URL such as https://api.openai.com/v1';
  const { protocol, hostname, username, password, search, hash } = new URL(apiBase);
  if (protocol !== 'http:' && protocol !== 'https:') return 'must start with http:// or https://';
  if (username || password) return 'must not contain a user or password';
  if (search || hash) {
    return 'must not contain a query or fragment; parameters are in provider_params.query';
  }
  const badHost = hostProblem(hostname, privateAddresses);
  return badHost && `its host ${hostname} ${badHost}`;
}

/** The reason that a provider cannot have this proxy of its own, or null. */
function ownProxyProblem(
  text: string | undefined,
  privateAddresses: PrivateAddresses,
): string | null {
  if (text === undefined || text === noProxy) return null;
  const proxy = parseProxy(text);
  if (typeof proxy === 'string') return `${proxy}; or none`;
  const badHost = hostProblem(proxy.hostname, privateAddresses);
  if (badHost) return `its host ${proxy.hostname} ${badHost}`;
  if (proxy.authorization === null) return null;
  return 'must have no user and password, which would be shown: upstream.https_proxy may have them';
}

/** The reason that a mapping entry is invalid, or null. */
function mappingProblem(key: string, value: string): string | null {
  const pattern = compileModelPattern(key);
  if (typeof pattern === 'string') return pattern;
  const stars = key.split('*').length - 1;
  if (value.includes('*') && (pattern.kind !== 'wildcard' || stars !== 1)) {
    return 'a * in the value needs exactly one * in a wildcard key';
  }
  return null;
}
