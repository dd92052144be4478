import type { Provider } from '../config/configuration.js';
import { noQuirks } from '../dialects/codec.js';
import type { ProviderKind } from './kind.js';
import { isDotSegment, pathSegment } from './path-segment.js';

/** The newest version that is not a preview. */
const defaultVersion = '2024-10-21';
/** The first version with responses, which name the deployment in the body, and with realtime. */
const responsesVersion = '2025-04-01-preview';

/** Operations that name the model in the body, or have none. */
const withoutDeployment: ReadonlySet<string> = new Set([
  'openai.responses',
  'openai.compact',
  'openai.input_tokens',
  'openai.stored',
  'openai.files',
]);

/**
 * Azure OpenAI. An `api_base` that ends with `/openai/v1` is its API without versions, which names
 * the deployment in the body; any other is a resource, whose deployments have a path each.
 */
export const azure: ProviderKind = {
  defaultBase: () => null,
  path(provider, base, { dialect, path }, deployment) {
    if (!dialect.name.startsWith('openai.')) return null;
    if (withoutDeployment.has(dialect.name) && !isUnversioned(base)) {
      return `${resource(base)}${path}${versionQuery(provider, responsesVersion)}`;
    }
    // Deployments have them elsewhere, in another form.
    if (dialect.name === 'openai.client_secrets' && !isUnversioned(base)) return null;
    if (dialect.name === 'openai.realtime') {
      const query = new URLSearchParams(
        versionQuery(provider, isUnversioned(base) ? '' : responsesVersion),
      );
      query.set(isUnversioned(base) ? 'model' : 'deployment', deployment);
      return `${isUnversioned(base) ? base : resource(base)}${path}?${query}`;
    }
    if (isUnversioned(base)) return base + path + versionQuery(provider);
    if (isDotSegment(deployment)) return null;
    const at = `${resource(base)}/deployments/${pathSegment(deployment)}`;
    return at + path + versionQuery(provider, defaultVersion);
  },
  listPath(provider, base) {
    return isUnversioned(base)
      ? `${base}/models${versionQuery(provider)}`
      : `${resource(base)}/models${versionQuery(provider, defaultVersion)}`;
  },
  headers: ({ api_key, provider_params: { fetched } }) =>
    fetched && 'bearer' in fetched
      ? ['authorization', `Bearer ${fetched.bearer}`]
      : ['api-key', api_key],
  defaults: [],
  quirks: ({ provider_params }) => ({
    ...noQuirks,
    noStreamOptions: provider_params.stream_usage === false,
  }),
};

function isUnversioned(base: string): boolean {
  return base.endsWith('/openai/v1');
}

function resource(base: string): string {
  return base.endsWith('/openai') ? base : `${base}/openai`;
}

function versionQuery({ provider_params }: Provider, otherwise = ''): string {
  const version = provider_params.api_version ?? otherwise;
  return version && `?api-version=${encodeURIComponent(version)}`;
}
