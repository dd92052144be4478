import type { AdminRoute } from '../route.js';
import { auditRoutes } from './audit.js';
import { cacheRoutes } from './cache.js';
import { canaryRoutes } from './canary.js';
import { configRoutes } from './config.js';
import { configLifecycleRoutes } from './config-lifecycle.js';
import { consoleRoutes } from './console.js';
import { credentialRoutes } from './credentials.js';
import { databaseRoutes } from './database.js';
import { docsRoutes } from './docs.js';
import { eventRoutes } from './events.js';
import { explainRoutes } from './explain.js';
import { fleetRoutes, fleetViewRoutes } from './fleet.js';
import { guardrailRoutes } from './guardrails.js';
import { healthRoutes } from './health.js';
import { homeRoutes } from './home.js';
import { metricsRoutes } from './metrics.js';
import { modelRoutes } from './models.js';
import { namedRoutes } from './named.js';
import { providerTypeRoutes } from './provider-types.js';
import { providerRoutes } from './providers.js';
import { requestRoutes } from './requests.js';
import { sessionRoutes } from './session.js';
import { spendRoutes } from './spend.js';
import { statusRoutes } from './status.js';
import { teamRoutes } from './teams.js';
import { usageRoutes } from './usage.js';

/** Every operation except those that serve the document. */
const described: readonly AdminRoute[] = [
  ...providerRoutes,
  ...providerTypeRoutes,
  ...credentialRoutes,
  ...teamRoutes,
  ...namedRoutes,
  ...guardrailRoutes,
  ...spendRoutes,
  ...cacheRoutes,
  ...canaryRoutes,
  ...configRoutes,
  ...configLifecycleRoutes,
  ...auditRoutes,
  ...usageRoutes,
  ...requestRoutes,
  ...explainRoutes,
  ...modelRoutes,
  ...statusRoutes,
  ...fleetViewRoutes,
  ...fleetRoutes,
  ...databaseRoutes,
  ...eventRoutes,
  ...metricsRoutes,
  ...healthRoutes,
  ...homeRoutes,
  ...sessionRoutes,
  ...consoleRoutes,
];

/** Every operation of the control plane. */
export const routes: readonly AdminRoute[] = [...described, ...docsRoutes(described)];
