import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors.js';
import { defaultLimits } from '../http1/limits.js';
import { ProtocolError } from '../http1/protocol-error.js';

/**
 * Refuses what node:http accepts and another parser may read differently: codings before `chunked`,
 * which it does not decode, versions that HTTP/1.1 is not, and more fields than ours takes, of which
 * it would leave out some.
 * @throws ProtocolError
 */
export function checkFraming({ headers, rawHeaders, httpVersion }: IncomingMessage): void {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    throw new ProtocolError('the HTTP version is not supported', 505);
  }
  const { fieldCount } = defaultLimits;
  if (rawHeaders.length > 2 * fieldCount) {
    throw new ProtocolError(`the request head has more than ${fieldCount} fields`, 431);
  }
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    throw new ProtocolError('transfer-encoding is not chunked');
  }
}

/**
 * Refuses the same with an answer, after which the connection is closed.
 * @throws GatewayError `invalid_request`.
 */
export function refuseFraming(message: IncomingMessage): void {
  try {
    checkFraming(message);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const details = { status: error.status, headers: { connection: 'close' } };
    const reason = `The request is not valid HTTP: ${error.message}.`;
    throw new GatewayError('invalid_request', reason, details);
  }
}
