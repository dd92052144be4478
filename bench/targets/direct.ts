import type { Target } from './target.js';

/** No proxy at all: what the mock provider and the load generator can do by themselves. */
export const direct: Target = {
  name: 'direct',
  unavailable: () => null,
  start: async ({ mock }) => ({ ...mock, headers: { authorization: 'Bearer mock' } }),
};
