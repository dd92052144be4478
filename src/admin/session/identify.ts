import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { answerable } from '../../changes/answerable.js';
import type { AdminRole } from '../../config/settings/settings-types.js';
import { GatewayError } from '../../errors.js';
import type { AdminKey, Authenticate } from '../access/authenticate.js';
import type { Guesses } from '../access/guesses.js';
import { cookieValue } from './cookie.js';
import type { Session, Sessions } from './sessions.js';
import type { SignInLinks } from './sign-in-links.js';

/** The author of a request to the admin API. */
export interface Identity {
  /** Author of the changes: `admin:NAME` or `oidc:PERSON`. */
  actor: string;
  role: AdminRole;
  /** Null in a session. */
  key: AdminKey | null;
  /** Null where the request has an admin key. */
  session: Session | null;
}

export interface Identifying {
  authenticate: Authenticate;
  guesses: Guesses;
  /** Null while the console is off: the database may still have sessions. */
  sessions: Sessions | null;
  links: SignInLinks;
}

export interface Asking {
  method: string;
  headers: IncomingHttpHeaders;
  address: string;
  /** True where the client came by TLS. */
  isSecure: boolean;
  /** True for the operation that signs in: it also takes a one-time code. */
  signsIn: boolean;
}

/**
 * Finds who makes a request: by the admin key in `Authorization`, else by the session in the cookie.
 * A session's request must come from the console's own pages.
 * @throws GatewayError `missing_api_key`, `invalid_api_key`, `rate_limit_exceeded`,
 *   `permission_denied`, `unavailable`.
 */
export async function identify(
  { authenticate, guesses, sessions, links }: Identifying,
  { method, headers, address, isSecure, signsIn }: Asking,
): Promise<Identity> {
  const token = cookieValue('session', headers.cookie, isSecure);
  if (headers.authorization !== undefined || token === null || sessions === null) {
    const [, code = ''] = /^bearer +(\S+)\s*$/i.exec(headers.authorization ?? '') ?? [];
    const key = (signsIn && links.redeem(code)) || authenticate(headers.authorization, address);
    return { actor: `admin:${key.name}`, role: key.role, key, session: null };
  }
  refuseForeignPage(method, headers['sec-fetch-site']);
  // The database must not be kept busy by made-up sessions.
  const found = sessions.find(token, () => guesses.check(address));
  const session = await found.catch((error: unknown) => {
    throw answerable(error);
  });
  if (!session) guesses.add(address);
  if (!session) throw new GatewayError('invalid_api_key', 'Your session is over: sign in again.');
  if (method !== 'GET' && method !== 'HEAD') checkCsrf(session, headers['x-csrf-token']);
  return { actor: session.actor, role: session.role, key: null, session };
}

/** Browsers say which page makes a request. `none` is an address that a person has entered. */
function refuseForeignPage(method: string, site: string | string[] | undefined): void {
  if (site === undefined || site === 'same-origin') return;
  if (site === 'none' && method === 'GET') return;
  throw new GatewayError('permission_denied', 'Another site’s page may not use your session.');
}

function checkCsrf({ csrfToken }: Session, given: string | string[] | undefined): void {
  const [expected, sent] = [Buffer.from(csrfToken), Buffer.from(String(given ?? ''))];
  if (expected.length === sent.length && timingSafeEqual(expected, sent)) return;
  throw new GatewayError(
    'permission_denied',
    'A change in a session needs the header x-csrf-token: GET /admin/v1/session has its value.',
  );
}
