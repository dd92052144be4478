import { GatewayError } from '../errors.js';

/** Several of the largest documents. */
const maxHeldBytes = 536_870_912;

/** Bounds the bodies that a process holds for the admin API: no key can fill its memory. */
export class HeldBodies {
  #bytes = 0;

  /**
   * Call before a body is read.
   * @param header returns a header's value, empty where absent.
   * @param maxBytes the most that this body may have.
   * @returns ends the hold; call it once.
   * @throws GatewayError `overloaded`.
   */
  hold(header: (name: string) => string, maxBytes: number): () => void {
    const isChunked = header('transfer-encoding') !== '';
    const bytes = isChunked ? maxBytes : Math.min(Number(header('content-length')), maxBytes);
    if (this.#bytes + bytes > maxHeldBytes) {
      throw new GatewayError('overloaded', 'Too many large requests are being sent.', {
        headers: { 'retry-after': '5' },
      });
    }
    this.#bytes += bytes;
    return () => {
      this.#bytes -= bytes;
    };
  }
}
