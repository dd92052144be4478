/** Bytes of texts in a worker that arrive for such checks, or await them. */
export const maxBacklogBytes = 67_108_864;

/** The memory of texts whose checks no client waits for. */
export class Backlog {
  #bytes = 0;

  /** @returns its release, or null if there is no room. */
  take(bytes: number): (() => void) | null {
    if (this.#bytes + bytes > maxBacklogBytes) return null;
    this.#bytes += bytes;
    return () => {
      this.#bytes -= bytes;
    };
  }
}
