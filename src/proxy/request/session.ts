import type { Settings } from '../../config/settings/settings-types.js';
import { promptPrefix, sessionIn } from '../../dialects/body/session.js';
import type { ModelRequest } from '../../dialects/head.js';
import { preferred } from '../../routing/affinity.js';
import { placeOf } from '../../routing/place-of.js';
import type { Route } from '../../routing/snapshot.js';
import type { Exchange } from '../../server/exchange.js';

/** Headers in which clients name a session: Claude Code, Codex, opencode and others. */
const headers: ReadonlySet<string> = new Set([
  'x-claude-code-session-id',
  'session-id',
  'session_id',
  'conversation_id',
  'x-session-id',
  'x-session-affinity',
]);
const maxNameLength = 200;

/** The session that a client names, by a header, else in the body; cut to 200 characters. */
export function sessionNameOf(
  exchange: Pick<Exchange, 'headers'>,
  request: ModelRequest,
): string | null {
  const named = headerNaming(exchange.headers) ?? sessionIn(request);
  return named?.slice(0, maxNameLength) ?? null;
}

function headerNaming(list: readonly string[]): string | null {
  for (let i = 0; i < list.length; i += 2) {
    if (headers.has(list[i] as string) && list[i + 1]) return list[i + 1] as string;
  }
  return null;
}

/**
 * The session of a request, as a place among all sessions; null if it has none. Derived from its
 * own name, else its end user, else the beginning of its prompt.
 */
export function sessionOf(
  { session, user }: { session: string | null; user: string | null },
  request: ModelRequest,
  affinity: Settings['routing']['affinity'],
): number | null {
  if (affinity === 'off') return null;
  const found = session ?? user ?? (affinity === 'prefix' ? promptPrefix(request) : null);
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
