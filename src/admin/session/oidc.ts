import type { Configuration, IDToken } from 'openid-client';
import type { Team } from '../../config/configuration.js';
import { isLoopback } from '../../config/network/is-loopback.js';
import { generateSecretKey, openBytes, sealBytes } from '../../config/secrets/secret-cipher.js';
import type { AdminRole, Settings } from '../../config/settings/settings-types.js';
import { GatewayError } from '../../errors.js';
import { WrongKeys } from '../../limits/wrong-keys.js';
import type { Person } from './sessions.js';

type OidcSettings = Settings['console']['oidc'];

/** A sign-in under way at the provider. */
interface Pending {
  state: string;
  verifier: string;
  nonce: string;
  /** Wall clock, milliseconds. */
  until: number;
}

/** A person may take this long at the provider. */
export const signInMs = 10 * 60_000;
const context = Buffer.from('sign-in');
const timeoutSeconds = 10;
/** Requests that wait for the provider: they need no key, and each holds a connection of a worker. */
const maxAsking = 32;

/**
 * Sign-in by an OpenID provider: authorization code with PKCE. The provider's document is read at
 * the first sign-in, so that a provider that is away does not keep the daemon from starting. Sign-ins
 * under way are kept by their browsers, encrypted: anybody may begin any number of them.
 */
export class Oidc {
  readonly #settings: OidcSettings;
  readonly #redirectUri: string;
  readonly #key = generateSecretKey();
  #discovered: Promise<Configuration> | null = null;
  #asking = 0;
  readonly #finishes = new WrongKeys({ fromOne: 10, fromAll: 1_000 });

  /** @param url `console.url`. */
  constructor(settings: OidcSettings, url: string) {
    this.#settings = settings;
    this.#redirectUri = `${url.replace(/\/+$/, '')}/admin/v1/oidc-callback`;
  }

  /**
   * Begins a sign-in.
   * @returns the address at the provider, and the value of a cookie for the browser.
   * @throws GatewayError `unavailable`, `overloaded`.
   */
  begin(): Promise<{ location: string; cookie: string }> {
    return this.#bounded(() => this.#begin());
  }

  async #begin(): Promise<{ location: string; cookie: string }> {
    const client = await import('openid-client');
    const provider = await this.#provider();
    const [verifier, state, nonce] = [
      client.randomPKCECodeVerifier(),
      client.randomState(),
      client.randomNonce(),
    ];
    const pending: Pending = { state, verifier, nonce, until: Date.now() + signInMs };
    const location = client.buildAuthorizationUrl(provider, {
      redirect_uri: this.#redirectUri,
      scope: this.#settings.scope,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    });
    const sealed = sealBytes(Buffer.from(JSON.stringify(pending)), this.#key, context);
    return { location: location.href, cookie: sealed.toString('base64url') };
  }

  /**
   * Finishes a sign-in.
   * @param query of the request that the provider has sent the browser back with.
   * @param cookie of the browser; null: it has none.
   * @param teams whose `admins` have the role of their team.
   * @param address of the browser: one that has finished none waits after ten in a minute.
   * @throws GatewayError `permission_denied`, `unavailable`, `overloaded`, `rate_limit_exceeded`.
   */
  async finish(
    query: URLSearchParams,
    cookie: string | null,
    teams: readonly Pick<Team, 'name' | 'admins'>[],
    address: string,
  ): Promise<Person> {
    const pending = this.#pendingIn(cookie ?? '');
    if (!pending || query.get('state') !== pending.state) {
      throw denied('This sign-in was not begun in this browser, or took too long.');
    }
    if (pending.until < Date.now()) throw denied('The sign-in took too long.');
    if (this.#finishes.add(address).waitMs > 0) {
      throw new GatewayError('rate_limit_exceeded', 'Too many sign-ins: try again in a minute.');
    }
    const claims = await this.#bounded(() => this.#claims(query, pending));
    this.#finishes.forget(address);
    return { ...this.#person(claims, teams), key: null };
  }

  /** Exchanges the code of a sign-in, once. */
  async #claims(query: URLSearchParams, pending: Pending): Promise<IDToken> {
    const client = await import('openid-client');
    const provider = await this.#provider();
    const url = new URL(this.#redirectUri);
    url.search = query.toString();
    const tokens = await client
      .authorizationCodeGrant(provider, url, {
        pkceCodeVerifier: pending.verifier,
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        idTokenExpected: true,
      })
      .catch((error: unknown) => {
        throw new GatewayError('permission_denied', 'The identity provider refused the sign-in.', {
          cause: error,
        });
      });
    return tokens.claims() as IDToken;
  }

  async #bounded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#asking >= maxAsking) {
      throw new GatewayError('overloaded', 'Too many people are signing in.', {
        headers: { 'retry-after': '5' },
      });
    }
    this.#asking++;
    try {
      return await work();
    } finally {
      this.#asking--;
    }
  }

  /** Null for a cookie that this daemon has not made. */
  #pendingIn(cookie: string): Pending | null {
    try {
      const opened = openBytes(Buffer.from(cookie, 'base64url'), this.#key, context);
      return JSON.parse(opened.toString()) as Pending;
    } catch {
      return null;
    }
  }

  #person(
    claims: IDToken,
    teams: readonly Pick<Team, 'name' | 'admins'>[],
  ): { actor: string; role: AdminRole } {
    const { name_claim, role_claim, roles } = this.#settings;
    const name = claim(claims, name_claim);
    const person = typeof name === 'string' && name !== '' ? name : claims.sub;
    const given = [claim(claims, role_claim)]
      .flat()
      .flatMap((value) => (Object.hasOwn(roles, String(value)) && roles[String(value)]) || []);
    // An address that the provider has not checked proves nothing.
    const isProven = name_claim !== 'email' || claims.email_verified !== false;
    const led = teams.filter(({ admins }) => isProven && admins.includes(person));
    const ofTeams = led.map(({ name }): AdminRole => `team:${name}`);
    const [role] = [...given, ...ofTeams].sort((a, b) => rank(a) - rank(b));
    if (!role) throw denied(`The identity provider gives ${printable(person)} no role here.`);
    return { actor: `oidc:${printable(person)}`, role };
  }

  async #provider(): Promise<Configuration> {
    this.#discovered ??= this.#discover();
    try {
      return await this.#discovered;
    } catch (error) {
      this.#discovered = null;
      const message = 'The identity provider does not answer.';
      throw new GatewayError('unavailable', message, {
        headers: { 'retry-after': '5' },
        cause: error,
      });
    }
  }

  async #discover(): Promise<Configuration> {
    const client = await import('openid-client');
    const { client_id, client_secret } = this.#settings;
    const issuer = new URL(this.#settings.issuer ?? '');
    // Only for a provider on this machine: its answers cannot be changed on the way.
    const execute = isLoopback(issuer.hostname) ? [client.allowInsecureRequests] : [];
    return await client.discovery(issuer, client_id ?? '', client_secret ?? undefined, undefined, {
      execute,
      timeout: timeoutSeconds,
    });
  }
}

/** The first role wins: one that may change something goes before one that may not. */
function rank(role: AdminRole): number {
  const order = ['admin', 'operator', 'team', 'viewer'];
  return order.indexOf(role.split(':', 1)[0] ?? '');
}

/** A claim by its name, or by a path in dots such as Keycloak's `realm_access.roles`. */
function claim(claims: object, path: string): unknown {
  if (Object.hasOwn(claims, path)) return Reflect.get(claims, path);
  let value: unknown = claims;
  for (const name of path.split('.')) {
    if (!(value instanceof Object) || !Object.hasOwn(value, name)) return undefined;
    value = Reflect.get(value, name);
  }
  return value;
}

/** For the audit log and messages. */
function printable(text: string): string {
  return text.replace(/[\p{C}\s]/gu, ' ').slice(0, 200);
}

function denied(message: string): GatewayError {
  return new GatewayError('permission_denied', message);
}
