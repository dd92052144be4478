import type { Target } from './target.js';

/** Neither proxy nor TLS: the limit of the mock provider and the load generator. */
export const direct: Target = {
  name: 'direct',
  unavailable: () => null,
  start: async ({ mock: { port, pid } }) => ({
    port,
    pid,
    headers: { authorization: 'Bearer mock' },
  }),
};
