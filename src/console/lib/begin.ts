import { ApiError, call } from './api.js';
import { clearPlace, decoded } from './route.js';
import { maySession, type SignedIn, signedIn, signedOut } from './session.js';

/** Takes a sign-in value from the address, and removes it there and in the history. */
function takeFromAddress(name: string): string | null {
  const start = `#${name}=`;
  if (!location.hash.startsWith(start)) return null;
  const value = decoded(location.hash.slice(start.length));
  clearPlace();
  return value;
}

/** Signs in with a one-time link, or continues an existing session. */
export async function begin(): Promise<void> {
  const code = takeFromAddress('sign-in');
  const failed = takeFromAddress('sign-in-failed');
  const isBack = takeFromAddress('signed-in') !== null;
  if (code !== null) return await signIn(code).catch(told);
  if (failed !== null) return signedOut(failed);
  if (!isBack && !maySession()) return;
  await continueSession().catch(told);
}

/** Continues the session of the browser's cookie. @throws ApiError where there is none. */
export async function continueSession(): Promise<void> {
  signedIn(await call<SignedIn>('session'));
}

function told(error: unknown): void {
  signedOut(error instanceof ApiError ? error.message : String(error));
}

/** Signs in with an admin key or the code of a link. @throws ApiError. */
export async function signIn(key: string): Promise<void> {
  const headers = { authorization: `Bearer ${key}` };
  signedIn(await call<SignedIn>('session', { method: 'POST', headers }));
}

export async function signOut(isEverywhere: boolean): Promise<void> {
  await call(`session${isEverywhere ? '?everywhere=true' : ''}`, { method: 'DELETE' });
  signedOut();
}
