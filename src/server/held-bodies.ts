import { GatewayError } from '../errors.js';

/** Several of the largest documents. */
const maxHeldBytes = 536_870_912;
/** Limit for callers that can change nothing: they must not keep others from making changes. */
const maxViewerBytes = maxHeldBytes / 4;

/** Bounds the bodies that a process holds for the admin API: no key can fill its memory. */
export class HeldBodies {
  #bytes = 0;
  #viewerBytes = 0;

  /**
   * Call before a body is read.
   * @param header returns a header's value, empty where absent.
   * @param maxBytes the most that this body may have.
   * @param mayChange true for a caller that can change the configuration.
   * @returns ends the hold; call it once.
   * @throws GatewayError `overloaded`.
   */
  hold(header: (name: string) => string, maxBytes: number, mayChange: boolean): () => void {
    const isChunked = header('transfer-encoding') !== '';
    const bytes = isChunked ? maxBytes : Math.min(Number(header('content-length')), maxBytes);
    const viewerBytes = mayChange ? 0 : bytes;
    const isFull = this.#bytes + bytes > maxHeldBytes;
    if (isFull || (viewerBytes > 0 && this.#viewerBytes + bytes > maxViewerBytes)) {
      throw new GatewayError('overloaded', 'Too many large requests are being sent.', {
        headers: { 'retry-after': '5' },
      });
    }
    this.#bytes += bytes;
    this.#viewerBytes += viewerBytes;
    return () => {
      this.#bytes -= bytes;
      this.#viewerBytes -= viewerBytes;
    };
  }
}
