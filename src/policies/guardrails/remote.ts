import type { Phase } from '../../config/rows/guardrail.js';
import type { Call } from '../policy.js';
import type { PlacedText, Replacement } from './inspector.js';

/** Texts for a check that is done elsewhere. */
export interface CheckedTexts {
  /** `window`: a part of a stream. */
  phase: Phase | 'window';
  texts: readonly PlacedText[];
  /** The end of what came before each text, for a window. */
  before?: readonly string[];
}

export type RemoteVerdict =
  | { verdict: 'pass' }
  /** @param reason for the client; null: none. */
  | { verdict: 'refuse'; found: string[]; reason: string | null }
  /** The replacements in each text, in order, without overlaps. */
  | { verdict: 'edit'; replacements: Replacement[][] };

/** A check that is done elsewhere. @throws Error saying in few words what failed; never a text. */
export interface RemoteCheck {
  check(call: Call, checked: CheckedTexts): Promise<RemoteVerdict>;
}
