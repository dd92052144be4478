import type { Tone } from '../parts/state.js';

/** How the states of providers look, and what they are called. */
export const providerStates: Readonly<Record<string, readonly [Tone, string]>> = {
  available: ['good', 'Available'],
  recovering: ['warn', 'Recovering'],
  partly_out: ['warn', 'Partly out'],
  cooling_down: ['warn', 'Cooling down'],
  ejected: ['bad', 'Ejected'],
  on_trial: ['warn', 'On trial'],
  full: ['warn', 'Full'],
  disabled: ['plain', 'Disabled'],
  key_unusable: ['bad', 'Key unusable'],
};

/** How an answer to a client looks. */
export function statusTone(status: number, error: string | null): Tone {
  if (status === 499) return 'plain';
  if (status >= 500 || (error !== null && status < 400)) return 'bad';
  return status >= 400 ? 'warn' : 'good';
}
