import { engineOrReason } from '../server/support.js';

/**
 * All engines, with the reason where one cannot run on this machine: each is tried as this file is
 * loaded.
 */
export const engines = await Promise.all(
  (['net', 'hyper-express', 'node'] as const).map(async (engine) => {
    const loaded = await engineOrReason(engine);
    return { engine, skip: typeof loaded === 'string' ? loaded : false };
  }),
);
