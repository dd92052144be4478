import type { KeptBody } from '../../observe/request-event.js';

/** Maximum kept of one body, so that a row is never large. */
export const maxBodyBytes = 65_536;
/** Most answers fit; a longer one grows the buffer. */
const firstBytes = 4_096;

export const noBody: KeptBody = Object.freeze({ bytes: Buffer.alloc(0), totalBytes: 0 });

export function keptBody(body: Buffer): KeptBody {
  return { bytes: body.subarray(0, maxBodyBytes), totalBytes: body.length };
}

/**
 * Keeps the beginning of a body that arrives in pieces. Copies, since a piece would keep its whole
 * block alive.
 */
export class BodyKeeper {
  #bytes = Buffer.allocUnsafeSlow(firstBytes);
  #kept = 0;
  #totalBytes = 0;

  add(piece: Buffer): void {
    this.#totalBytes += piece.length;
    const end = Math.min(this.#kept + piece.length, maxBodyBytes);
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(Math.max(end, 2 * this.#kept), maxBodyBytes));
      this.#bytes.copy(larger, 0, 0, this.#kept);
      this.#bytes = larger;
    }
    piece.copy(this.#bytes, this.#kept, 0, end - this.#kept);
    this.#kept = end;
  }

  get body(): KeptBody {
    return { bytes: this.#bytes.subarray(0, this.#kept), totalBytes: this.#totalBytes };
  }
}
