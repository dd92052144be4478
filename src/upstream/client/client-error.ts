/** Stable codes of connection failures, besides those of the system (`ECONNRESET`). */
export type ClientErrorCode =
  | 'ERR_CONNECT_TIMEOUT'
  | 'ERR_HEADERS_TIMEOUT'
  | 'ERR_BODY_TIMEOUT'
  | 'ERR_INVALID_RESPONSE'
  | 'ERR_INVALID_REQUEST'
  /** A server that speaks HTTP/2 only was asked to switch protocols. */
  | 'ERR_NO_UPGRADE'
  /** The server closed the connection before its answer was whole. */
  | 'ERR_CLOSED'
  /** A proxy cannot be reached or refuses; the message names it. */
  | 'ERR_PROXY'
  /** The server does not speak HTTP/2, as it was configured to. */
  | 'ERR_NO_HTTP2'
  /** The pool was destroyed. */
  | 'ERR_DESTROYED';

export class ClientError extends Error {
  constructor(
    readonly code: ClientErrorCode,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'ClientError';
  }
}
