import type { GatewayError } from '../../errors.js';
import type { ConversationError } from '../conversation.js';
import { kindOf } from './conversation-error.js';

/** An error of the gateway in the neutral form, for dialects whose codec writes errors. */
export function neutralError(error: GatewayError): ConversationError {
  const { status, message, code, param } = error;
  return { kind: kindOf(status), status, message, code, param, retryAfter: null };
}
