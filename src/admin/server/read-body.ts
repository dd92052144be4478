import type { IncomingMessage, ServerResponse } from 'node:http';
import { GatewayError } from '../../errors.js';

/**
 * Reads the request's body as sent, and asks a client for it that waits with `Expect: 100-continue`.
 * @throws GatewayError `request_too_large`, `unsupported_encoding`, `request_timeout`.
 */
export async function readBody(
  message: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
): Promise<Buffer> {
  const encoding = message.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    throw new GatewayError(
      'unsupported_encoding',
      `Send the body uncompressed, not as ${encoding}.`,
    );
  }
  // Its sender would be asked for a body that is refused unread.
  if (Number(message.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  // `Expect` of HTTP/1.0 is ignored (RFC 9110, 10.1.1); Node has refused any other expectation.
  if (message.headers.expect !== undefined && message.httpVersion !== '1.0') {
    response.writeContinue();
  }
  return await readBytes(message, maxBytes);
}

/**
 * Decodes a body as UTF-8; empty where there is none.
 * @throws GatewayError `invalid_json`.
 */
export function decodeBody(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new GatewayError('invalid_json', 'The request body is not UTF-8.');
  }
}

/** Uses events: leaving an async iteration early would destroy the socket before the answer. */
function readBytes(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    message.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
      else reject(tooLarge(maxBytes));
    });
    message.once('end', () => resolve(Buffer.concat(chunks)));
    // The client has left, or the listener's deadline has passed.
    message.once('error', () => {
      reject(new GatewayError('request_timeout', 'The body did not arrive in time.'));
    });
  });
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError('request_too_large', `The body is larger than ${maxBytes} bytes.`);
}
