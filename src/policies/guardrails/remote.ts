import type { Phase } from '../../config/rows/guardrail.js';
import type { Call } from '../policy.js';
import type { PlacedText, Replacement } from './inspector.js';

/** Texts for an external check. */
export interface CheckedTexts {
  /** `window`: a part of a stream. */
  phase: Phase | 'window';
  texts: readonly PlacedText[];
  /** The context before each text of a window. */
  before?: readonly string[];
}

export type RemoteVerdict =
  | { verdict: 'pass' }
  /** @param reason for the client; null: none. */
  | { verdict: 'refuse'; found: string[]; reason: string | null }
  /** The replacements in each text, in order, without overlaps. */
  | { verdict: 'edit'; replacements: Replacement[][] };

/**
 * An external check.
 * @throws Error with a short reason; never a text.
 */
export interface RemoteCheck {
  check(call: Call, checked: CheckedTexts): Promise<RemoteVerdict>;
}
