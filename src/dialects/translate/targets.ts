import { codecOf } from '../codecs.js';
import type { AskedEndpoint } from '../endpoint.js';
import { modelEndpoints } from '../endpoints.js';

/** Where conversations can be asked, in the order in which a provider's own are looked for. */
export const conversationTargets: readonly AskedEndpoint[] = modelEndpoints.filter(
  ({ dialect }) => codecOf(dialect.name) !== null,
);
