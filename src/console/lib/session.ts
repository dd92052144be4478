import { computed, signal } from '@preact/signals';
import { forgetKept } from './kept.js';

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

/** True while the session is over but its page is kept, with all that was typed, for signing in again. */
export const isOver = signal(false);

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
  isOver.value = false;
  if (session.value?.actor !== who.actor) forgetKept();
  session.value = who;
}

export function signedOut(note: string | null = null): void {
  localStorage.removeItem(rememberedAs);
  signInNote.value = note;
  isOver.value = false;
  forgetKept();
  session.value = null;
}

export function sessionOver(): void {
  localStorage.removeItem(rememberedAs);
  // The token of an ended session would be refused beside a key.
  if (session.value) session.value = { ...session.value, csrf_token: null };
  isOver.value = true;
}

export function maySession(): boolean {
  return localStorage.getItem(rememberedAs) !== null;
}
