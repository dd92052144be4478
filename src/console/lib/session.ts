import { computed, signal } from '@preact/signals';

/** Who is signed in; the field names are those of the API. */
export interface SignedIn {
  actor: string;
  role: string;
  team?: string | null;
  expires_at: string | null;
  csrf_token: string | null;
}

export const session = signal<SignedIn | null>(null);

/** Why the page of signing in is shown. */
export const signInNote = signal<string | null>(null);

/** Whether the last request reached the gateway. */
export const connection = signal<'good' | 'lost'>('good');

export const role = computed(() => session.value?.role ?? 'viewer');

/** Who may do what; the server decides, and this only hides what it would refuse. */
export const mayChangeProviders = computed(
  () => role.value === 'admin' || role.value === 'operator',
);
export const mayChangeKeys = computed(() => role.value === 'admin' || role.value === 'team');

/** Remembers that there may be a cookie: without, nobody asks in vain. */
const rememberedAs = 'llmproxy.signed-in';

export function signedIn(who: SignedIn): void {
  localStorage.setItem(rememberedAs, 'yes');
  signInNote.value = null;
  session.value = who;
}

export function signedOut(note: string | null = null): void {
  localStorage.removeItem(rememberedAs);
  signInNote.value = note;
  session.value = null;
}

export function sessionOver(): void {
  signedOut('Your session is over. Sign in again: you will return to this page.');
}

export function maySession(): boolean {
  return localStorage.getItem(rememberedAs) !== null;
}
