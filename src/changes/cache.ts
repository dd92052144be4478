import type { PurgeSelectors } from '../config/rows/cache.js';
import { compileModelPattern } from '../config/rows/model-pattern.js';
import { insertCachePurge } from '../db/queries/fleet/cache-purges.js';
import { GatewayError } from '../errors.js';
import type { ChangeAuthor, ChangeControl } from './change-control.js';
import { commit } from './commit.js';

/**
 * Has every daemon forget the cached answers of these; all of them where nothing is named. With `waits`
 * it is done on every worker of this machine when this resolves.
 * @throws GatewayError `invalid_request`, `unavailable`.
 */
export async function purgeCache(
  control: ChangeControl,
  author: ChangeAuthor,
  appliesTo: PurgeSelectors,
): Promise<{ version: number }> {
  const { model } = appliesTo;
  const pattern = model === undefined ? null : compileModelPattern(model);
  if (typeof pattern === 'string') {
    throw new GatewayError('invalid_request', `model: ${pattern}`, { param: 'model' });
  }
  const { version } = await commit(control, author, (sql) => insertCachePurge(sql, appliesTo));
  return { version };
}
