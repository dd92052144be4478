import type { Tone } from '../parts/state.js';
import type { CanaryStatus } from './answers.js';

/** Colour and name of each provider state. */
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

/** Colour and name of each state of a canary. */
export const canaryStates: Readonly<Record<CanaryStatus['state'], readonly [Tone, string]>> = {
  running: ['good', 'Running'],
  finished: ['good', 'Finished'],
  rolled_back: ['bad', 'Rolled back'],
  stopped: ['plain', 'Stopped'],
};

/** Colour of an answer to a client. */
export function statusTone(status: number, error: string | null): Tone {
  if (status === 499) return 'plain';
  if (status >= 500 || (error !== null && status < 400)) return 'bad';
  return status >= 400 ? 'warn' : 'good';
}
