import type { CachePurge } from '../../config/rows/cache.js';
import { compileModelPattern, matchesPattern } from '../../config/rows/model-pattern.js';
import type { Asker } from './kept-answer.js';

/** Tells which answers a purge is about. */
export function compilePurge({ applies_to }: CachePurge): (of: Asker) => boolean {
  const { key, team, model } = applies_to;
  const pattern = model === undefined ? null : compileModelPattern(model);
  return (of) =>
    (key === undefined || of.key === key) &&
    (team === undefined || of.team === team) &&
    // Unreadable patterns were refused when the purge was created.
    (pattern === null || typeof pattern === 'string' || matchesPattern(pattern, of.model));
}
