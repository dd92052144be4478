/** A message that violates RFC 9112 or exceeds a limit: the connection is lost. */
export class ProtocolError extends Error {
  /**
   * @param message the reason, which the sender may see.
   * @param status the answer to such a request: 400, 414, 417, 431, 501 or 505.
   */
  constructor(
    message: string,
    readonly status = 400,
  ) {
    super(message);
    this.name = 'ProtocolError';
  }
}
