import type { AskedEndpoint } from '../endpoint.js';
import { modelEndpoints, providerEndpoints } from '../endpoints.js';

/**
 * Endpoints that requests are translated for, in the order in which a provider's own are tried.
 * Gemini is asked for several vectors at once.
 */
export const translationTargets: readonly AskedEndpoint[] = [
  ...providerEndpoints,
  ...modelEndpoints,
].filter(({ dialect, path }) => dialect.name !== 'gemini.embed' || path !== ':embedContent');
