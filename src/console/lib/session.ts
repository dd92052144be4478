import { computed, signal } from '@preact/signals';

/** The signed-in person; the field names are those of the API. */
export interface SignedIn {
  actor: string;
  role: string;
  /** The only team that this person sees; null: all. */
  team: string | null;
  expires_at: string | null;
  csrf_token: string | null;
}

export const session = signal<SignedIn | null>(null);

/** Reason for showing the sign-in page. */
export const signInNote = signal<string | null>(null);

/** `lost` after a request did not reach the gateway. */
export const connection = signal<'good' | 'lost'>('good');

export const role = computed(() =>
  session.value?.team != null ? 'team' : (session.value?.role ?? 'viewer'),
);

/** Rights of the role. The server decides; this only hides what it would refuse. */
export const mayChangeProviders = computed(
  () => role.value === 'admin' || role.value === 'operator',
);
/** Guardrails, budgets, mirrors. */
export const mayChangeRules = computed(() => role.value === 'admin');
export const mayChangeKeys = computed(() => role.value === 'admin' || role.value === 'team');

/** Remembers that a session cookie may exist, to avoid needless requests. */
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
