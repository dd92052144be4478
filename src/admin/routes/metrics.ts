import type { AdminRoute } from '../route.js';

/** `/metrics`, for Prometheus. */
export const metricsRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/metrics',
    access: ({ metrics }) => metrics.access,
    operation: {
      operationId: 'getMetrics',
      summary: 'Metrics for Prometheus',
      description:
        'The setting `metrics.access` opens it to all, to this machine, or only with the admin key.',
      tags: ['monitoring'],
      responses: {
        200: {
          description: 'All metrics of this daemon, summed over its workers',
          content: { 'text/plain': { schema: { type: 'string' } } },
        },
      },
    },
    handle: async (_request, { metrics }) => ({
      status: 200,
      headers: { 'content-type': metrics.contentType },
      body: await metrics.render(),
    }),
  },
];
