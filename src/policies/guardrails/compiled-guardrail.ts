import { type Guardrail, piiEntities } from '../../config/rows/guardrail.js';
import {
  compileModelPattern,
  type ModelPattern,
  matchesPattern,
} from '../../config/rows/model-pattern.js';
import type { Caller } from '../policy.js';
import type { Detector } from './match.js';
import { Moderation } from './moderation.js';
import { Pattern } from './pattern.js';
import { PiiDetector } from './pii/pii.js';
import type { RemoteCheck } from './remote.js';
import { Shape } from './shape.js';
import { Webhook } from './webhook.js';

/** A guardrail with precomputed parts. */
export interface CompiledGuardrail {
  readonly row: Guardrail;
  /** Finds texts; empty where its kind does not. */
  readonly detectors: readonly Detector[];
  readonly shape: Shape | null;
  readonly remote: RemoteCheck | null;
  /** @param model empty: unknown, so any guardrail of a model may apply. */
  matches(caller: Caller, model: string): boolean;
}

export function compiledGuardrail(row: Guardrail): CompiledGuardrail {
  const { applies_to } = row;
  const pattern =
    applies_to.model === undefined
      ? null
      : // Validated before.
        (compileModelPattern(applies_to.model) as ModelPattern);
  return Object.freeze({
    row,
    detectors: detectorsOf(row),
    shape: row.kind === 'schema' || row.kind === 'size' ? new Shape(row.config) : null,
    remote: remoteOf(row),
    matches: ({ name, team }: Caller, model: string) =>
      (applies_to.key === undefined || applies_to.key === name) &&
      (applies_to.team === undefined || applies_to.team === team) &&
      (pattern === null || model === '' || matchesPattern(pattern, model)),
  });
}

function detectorsOf({ kind, config }: Guardrail): Detector[] {
  if (kind === 'pii') return [new PiiDetector(config.entities ?? piiEntities)];
  if (kind === 'regex') return (config.patterns ?? []).map((pattern) => new Pattern(pattern));
  return [];
}

function remoteOf(row: Guardrail): RemoteCheck | null {
  if (row.kind === 'webhook') return new Webhook(row);
  return row.kind === 'moderation' ? new Moderation(row) : null;
}

/** `deny` or `redact`. */
export function actionOf({ kind, config }: Guardrail): 'deny' | 'redact' {
  return config.action ?? (kind === 'pii' ? 'redact' : 'deny');
}
