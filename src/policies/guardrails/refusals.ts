import type { Guardrail, Phase } from '../../config/rows/guardrail.js';
import { GatewayError } from '../../errors.js';

/** Retrying would only be refused again. */
const headers = { 'x-should-retry': 'false' };

/**
 * The refusal of a request or answer.
 * @param reason for the client, as a sentence; null: it learns only the guardrail's name.
 */
export function blocked({ name }: Guardrail, phase: Phase, reason: string | null): GatewayError {
  const what = phase === 'request' ? 'request' : 'answer';
  const message = `The guardrail "${name}" does not allow this ${what}${reason === null ? '.' : `: ${reason}`}`;
  return new GatewayError('guardrail_blocked', message, { headers });
}

/**
 * The refusal of content that an enforcing guardrail cannot read.
 * @param what such as `a form`.
 */
export function unchecked({ name }: Guardrail, what: string): GatewayError {
  const message = `The guardrail "${name}" cannot check ${what}, so it is not allowed.`;
  return new GatewayError('guardrail_unchecked', message, { headers });
}

/** The refusal after a failed check that must not be skipped. */
export function failed({ name }: Guardrail, cause: unknown): GatewayError {
  const message = `The guardrail "${name}" could not check this request.`;
  return new GatewayError('guardrail_failed', message, { headers: { 'retry-after': '5' }, cause });
}
