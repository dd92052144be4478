import type { Settings } from '../../config/settings/settings-types.js';
import { promptPrefix, sessionIn } from '../../dialects/body/session.js';
import type { ModelRequest } from '../../dialects/head.js';
import { preferred } from '../../routing/affinity.js';
import { placeOf } from '../../routing/place-of.js';
import type { Route } from '../../routing/snapshot.js';
import type { Exchange } from '../../server/exchange.js';

/** Headers in which clients name a session. */
const headers = ['session_id', 'conversation_id', 'x-session-id'] as const;

/**
 * The session of a request, as a place among all sessions; null if it has none. Derived from its
 * own name, else its end user, else the beginning of its prompt.
 * @param user the end user named by the client.
 */
export function sessionOf(
  exchange: Pick<Exchange, 'header'>,
  request: ModelRequest,
  user: string | null,
  affinity: Settings['routing']['affinity'],
): number | null {
  if (affinity === 'off') return null;
  const named = headers.map((name) => exchange.header(name)).find((value) => value !== '');
  const session = named ?? sessionIn(request) ?? user;
  const found = session ?? (affinity === 'prefix' ? promptPrefix(request) : null);
  return found === null ? null : placeOf(found);
}

/**
 * The key of the provider that a session prefers while all are healthy; null if there is no choice.
 */
export function preferenceOf(session: number | null, [route]: readonly Route[]): string | null {
  if (session === null || !route || route.candidates.length < 2) return null;
  const { candidates, priorities } = route;
  const [first] = priorities;
  const index = preferred(session, candidates, (each) => candidates[each]?.priority === first);
  return candidates[index]?.provider.key ?? null;
}
