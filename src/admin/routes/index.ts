import type { AdminRoute } from '../route.js';
import { configRoutes } from './config.js';
import { credentialRoutes } from './credentials.js';
import { docsRoutes } from './docs.js';
import { healthRoutes } from './health.js';
import { metricsRoutes } from './metrics.js';
import { providerRoutes } from './providers.js';
import { usageRoutes } from './usage.js';

/** What the document describes besides itself. */
const described: readonly AdminRoute[] = [
  ...providerRoutes,
  ...credentialRoutes,
  ...configRoutes,
  ...usageRoutes,
  ...metricsRoutes,
  ...healthRoutes,
];

/** Every operation of the control plane. */
export const routes: readonly AdminRoute[] = [...described, ...docsRoutes(described)];
