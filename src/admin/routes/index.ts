import type { AdminRoute } from '../route.js';
import { configRoutes } from './config.js';

/** Every operation of the control plane. */
export const routes: readonly AdminRoute[] = [...configRoutes];
