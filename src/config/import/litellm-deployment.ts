import type { WrittenProvider } from '../documents/document-schema.js';
import { knownApis, typesToAdd, withVersion } from './litellm-apis.js';
import { asRecord, asText, fromEnvironment, type Values } from './values.js';

/** One entry of LiteLLM's `model_list`. */
export interface Deployment {
  /** A name for its provider. */
  label: string;
  provider: WrittenProvider;
  /** The name sent to the provider. */
  model: string;
}

/** Reads a deployment; returns null and notes the reason where it has no counterpart here. */
export function readDeployment(
  name: string,
  params: Values,
  environment: Readonly<Record<string, string | undefined>>,
  notes: string[],
): Deployment | null {
  const { model, api_base, base_url, api_key, weight, rpm, timeout, ...rest } = params;
  const { max_parallel_requests, extra_headers, custom_llm_provider, api_version, ...others } =
    rest;
  const leaveOut = (reason: string) => {
    notes.push(`model ${name} is left out: ${reason}`);
    return null;
  };
  const written = asText(model);
  if (written === null) return leaveOut('it has no litellm_params.model');
  const given = asText(custom_llm_provider);
  const [first = '', ...segments] = written.split('/');
  const isPrefixed = segments.length > 0 && given === null;
  const prefix = given ?? (isPrefixed ? first : 'openai');
  const api = knownApis.get(prefix);
  const type = typesToAdd.get(prefix);
  if (type) return leaveOut(`add it with "llmproxy provider add --type ${type}"`);
  if (!api) return leaveOut(`the API "${prefix}" is not known here`);
  const base = asText(api_base) ?? asText(base_url) ?? api.apiBase;
  if (base === null) return leaveOut('it has no api_base');
  const apiBase = fromEnvironment(base, environment);
  if (apiBase === null) return leaveOut(`${base} is not set here`);
  const unknown = Object.keys(others).filter((each) => others[each] !== null);
  if (unknown.length > 0) notes.push(`model ${name}: without ${unknown.sort().join(', ')}`);
  if (rpm !== undefined) notes.push(`model ${name}: without rpm, which limits no provider here`);
  const provider_params = {
    ...(extra_headers instanceof Object && { headers: headersOf(extra_headers) }),
    ...(typeof api_version === 'string' && { api_version }),
    ...(typeof max_parallel_requests === 'number' && { max_concurrency: max_parallel_requests }),
    ...(typeof timeout === 'number' && { timeouts: { total_ms: Math.round(timeout * 1_000) } }),
  };
  return {
    label: labelOf(prefix, apiBase, apiBase === api.apiBase),
    provider: {
      ...(api.type !== 'openai' && { provider_type: api.type }),
      api_base: withVersion(prefix, apiBase),
      api_key: keyOf(asText(api_key), api.keyVariable),
      weight: Number(weight ?? 1),
      ...(Object.keys(provider_params).length > 0 && { provider_params }),
    },
    model: isPrefixed ? segments.join('/') : written,
  };
}

function keyOf(written: string | null, variable: string | null): string {
  const reference = /^os\.environ\/(.+)$/.exec(written ?? '');
  if (reference) return `env:${reference[1]}`;
  return written ?? (variable === null ? 'none' : `env:${variable}`);
}

function headersOf(headers: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(asRecord(headers)).map(([name, value]) => [name, String(value)]),
  );
}

/** The API's name, or the host of a private one. */
function labelOf(prefix: string, apiBase: string, isPublic: boolean): string {
  if (isPublic || !URL.canParse(apiBase)) return prefix;
  const host = new URL(apiBase).hostname
    .replace(/[^A-Za-z0-9.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '');
  return host.slice(0, 60) || prefix;
}
