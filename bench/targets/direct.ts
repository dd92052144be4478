import type { Target } from './target.js';

/** No proxy, and no TLS: what the mock provider and the load generator can do by themselves. */
export const direct: Target = {
  name: 'direct',
  unavailable: () => null,
  start: async ({ mock: { port, pid } }) => ({
    port,
    pid,
    headers: { authorization: 'Bearer mock' },
  }),
};
