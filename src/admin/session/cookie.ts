/** The session; and a sign-in under way at an OpenID provider. */
type Purpose = 'session' | 'oidc';

/** Behind TLS the prefix `__Secure-` has browsers refuse the cookie from anything but TLS. */
function cookieName(purpose: Purpose, isSecure: boolean): string {
  return `${isSecure ? '__Secure-' : ''}llmproxy_${purpose}`;
}

/**
 * A cookie of the console. It has no `Path`: browsers then send it below the directory of the request
 * that set it (RFC 6265, 5.1.4), which is `/admin/v1`, also below the prefix of a proxy.
 * @param value empty to remove it.
 * @param isSecure true where the client came by TLS.
 */
export function setCookie(
  purpose: Purpose,
  value: string,
  maxAgeMs: number,
  isSecure: boolean,
): Record<string, string> {
  const age = `Max-Age=${Math.max(0, Math.floor(maxAgeMs / 1000))}`;
  // The provider's redirect comes from another site, and must bring its cookie.
  const site = purpose === 'session' ? 'Strict' : 'Lax';
  const secure = isSecure ? '; Secure' : '';
  const name = cookieName(purpose, isSecure);
  return { 'set-cookie': `${name}=${value}; ${age}; HttpOnly; SameSite=${site}${secure}` };
}

/**
 * A value in a `Cookie` header; null without one. Behind TLS only the cookie that TLS has set counts:
 * another could have been set by whoever controls an unencrypted connection.
 */
export function cookieValue(
  purpose: Purpose,
  cookies: string | undefined,
  isSecure: boolean,
): string | null {
  const start = `${cookieName(purpose, isSecure)}=`;
  const pair = cookies?.split(/;\s*/).find((each) => each.startsWith(start));
  return pair?.slice(start.length) || null;
}
