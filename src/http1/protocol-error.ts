/** A message that is not HTTP/1.1 as RFC 9112 has it, or passes a limit: the connection is lost. */
export class ProtocolError extends Error {
  /**
   * @param message what is wrong, in words that its sender may see.
   * @param status the answer to a request that is wrong so: 400, 414, 417, 431, 501 or 505.
   */
  constructor(
    message: string,
    readonly status = 400,
  ) {
    super(message);
    this.name = 'ProtocolError';
  }
}
