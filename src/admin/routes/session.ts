import { type AdminRole, teamOfRole } from '../../config/settings/settings-types.js';
import { GatewayError } from '../../errors.js';
import type { Control } from '../control.js';
import { errorReferences } from '../openapi/errors.js';
import { jsonResponse, object } from '../openapi/schemas.js';
import type { AdminAnswer, AdminRequest, AdminRoute } from '../route.js';
import { cookieValue, setCookie } from '../session/cookie.js';
import { signInMs } from '../session/oidc.js';
import type { Person, Session } from '../session/sessions.js';

const text = { type: 'string' };
const textOrNull = { type: ['string', 'null'] };
const who = object({
  actor: { ...text, description: 'The name in history and audit log.' },
  role: text,
  team: { ...textOrNull, description: 'The only team that this role sees; null: all.' },
  expires_at: { type: ['string', 'null'], format: 'date-time', description: 'Null for a key.' },
  csrf_token: {
    ...textOrNull,
    description: 'For the header `x-csrf-token` of every change in a session; null for a key.',
  },
});

const tags = ['console'];
/** Answers if `console.oidc` is not set, or the provider does not answer. */
const notAtProvider = errorReferences([404, 503]);
const toProvider = {
  ...notAtProvider,
  302: {
    description: 'To the provider',
    headers: { location: { schema: { type: 'string' } } },
  },
};

/** Signing in to the console, and out of it. */
export const sessionRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/sign-in',
    access: 'open',
    console: true,
    operation: {
      operationId: 'getSignIn',
      summary: 'Show how people can sign in',
      tags,
      responses: {
        200: jsonResponse(
          'The ways to sign in; an admin key always works',
          object({ oidc: { type: 'boolean' } }),
        ),
      },
    },
    handle: (_request, { oidc }) => ({ status: 200, body: { oidc: oidc !== null } }),
  },
  {
    method: 'POST',
    path: '/admin/v1/session',
    access: 'admin',
    teams: true,
    console: true,
    signsIn: true,
    readOnly: true,
    operation: {
      operationId: 'signIn',
      summary: 'Sign in to the console',
      description:
        'With the admin key, or the code of a one-time link in its place. The answer sets a cookie that stands for the key until the session ends.',
      tags,
      responses: { 201: jsonResponse('The session', who) },
    },
    handle: async (request, control) => {
      const { role, key } = request;
      if (!key) throw new GatewayError('invalid_request', 'Sign in with an admin key.');
      return await begin(request, control, { actor: `admin:${key.name}`, role, key });
    },
  },
  {
    method: 'GET',
    path: '/admin/v1/session',
    access: 'admin',
    teams: true,
    operation: {
      operationId: 'getSession',
      summary: 'Show who is asking',
      tags,
      responses: { 200: jsonResponse('The session or admin key', who) },
    },
    handle: ({ actor, role, session }) => ({ status: 200, body: describe(actor, role, session) }),
  },
  {
    method: 'DELETE',
    path: '/admin/v1/session',
    access: 'admin',
    teams: true,
    readOnly: true,
    operation: {
      operationId: 'signOut',
      summary: 'Sign out of the console',
      tags,
      parameters: [
        {
          name: 'everywhere',
          in: 'query',
          description: 'True ends every session of this person, on all machines.',
          schema: { type: 'boolean', default: false },
        },
      ],
      responses: { 204: { description: 'The session is over' } },
    },
    handle: async ({ actor, session, query, isSecure }, { sessions }) => {
      if (query.get('everywhere') === 'true') await sessions.closeAll(actor);
      else if (session) await sessions.close(session);
      else throw new GatewayError('invalid_request', 'An admin key has no session to end.');
      return { status: 204, headers: setCookie('session', '', 0, isSecure) };
    },
  },
  {
    method: 'POST',
    path: '/admin/v1/session/links',
    access: 'admin',
    teams: true,
    console: true,
    readOnly: true,
    operation: {
      operationId: 'createSignInLink',
      summary: 'Create a one-time sign-in link',
      description:
        'Signs in whoever opens it first within ten minutes, with the role of this admin key. It works at this instance only.',
      tags,
      responses: {
        201: jsonResponse(
          'The link',
          object({
            url: text,
            expires_at: { type: 'string', format: 'date-time' },
          }),
        ),
      },
    },
    handle: ({ key }, { links, consoleUrl }) => {
      if (!key) throw new GatewayError('permission_denied', 'A link needs an admin key.');
      const address = consoleUrl();
      if (address === null) {
        const message = 'The console is on a unix socket, which no browser opens: set console.url.';
        throw new GatewayError('invalid_request', message);
      }
      const { url, expiresAt } = links.create(key, address);
      return { status: 201, body: { url, expires_at: expiresAt.toISOString() } };
    },
  },
  {
    method: 'GET',
    path: '/admin/v1/oidc',
    access: 'open',
    console: true,
    operation: {
      operationId: 'signInByOidc',
      summary: 'Sign in at the OpenID provider',
      tags,
      responses: toProvider,
    },
    handle: async ({ isSecure }, control) => {
      const { location, cookie } = await providerOf(control).begin();
      const headers = { location, ...setCookie('oidc', cookie, signInMs, isSecure) };
      return { status: 302, headers };
    },
  },
  {
    method: 'GET',
    path: '/admin/v1/oidc-callback',
    access: 'open',
    console: true,
    operation: {
      operationId: 'finishSignInByOidc',
      summary: 'Return from the OpenID provider',
      description: 'The redirect URI to register there: `console.url` followed by this path.',
      tags,
      responses: { ...notAtProvider, 303: { description: 'To the console' } },
    },
    handle: async (request, control) => {
      const { query, headers, isSecure, remoteAddress } = request;
      const oidc = providerOf(control);
      try {
        const { teams = [] } = control.active().configuration;
        const state = cookieValue('oidc', headers.cookie, isSecure);
        const person = await oidc.finish(query, state, teams, remoteAddress);
        const begun = await begin(request, control, person);
        return {
          status: 303,
          headers: { ...begun.headers, location: '../../console#signed-in=yes' },
        };
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        const reason = encodeURIComponent(error.message);
        return { status: 303, headers: { location: `../../console#sign-in-failed=${reason}` } };
      }
    },
  },
];

function providerOf({ oidc }: Control): NonNullable<Control['oidc']> {
  if (oidc) return oidc;
  throw new GatewayError('unknown_url', 'Sign-in by OpenID is not set up: see console.oidc.');
}

async function begin(
  { isSecure }: AdminRequest,
  { sessions, emit }: Control,
  person: Person,
): Promise<AdminAnswer> {
  const { token, session } = await sessions.open(person);
  emit({ type: 'signed_in', actor: session.actor, role: session.role });
  const headers = setCookie('session', token, session.expiresAt - Date.now(), isSecure);
  return { status: 201, headers, body: describe(session.actor, session.role, session) };
}

function describe(actor: string, role: AdminRole, session: Session | null) {
  return {
    actor,
    role,
    team: teamOfRole(role),
    expires_at: session && new Date(session.expiresAt).toISOString(),
    csrf_token: session?.csrfToken ?? null,
  };
}
