import type { Duplex } from 'node:stream';
import type { Exchange } from '../../server/exchange.js';

/** The exchange of a copy of a request: it has the client's head, and its answer goes nowhere. */
export class SilentExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: readonly string[];
  readonly remoteAddress = '';
  readonly upgradeTo = '';
  readonly bufferedBytes = 0;
  aborted = false;
  headSent = false;
  readonly #onAbort: (() => void)[] = [];

  constructor({ method, path, query, headers }: Exchange) {
    this.method = method;
    this.path = path;
    this.query = query;
    this.headers = headers;
  }

  header(name: string): string {
    const place = this.headers.findIndex((each, index) => index % 2 === 0 && each === name);
    return place < 0 ? '' : (this.headers[place + 1] ?? '');
  }

  readBody(): Promise<Buffer> {
    return Promise.reject(new Error('a copy has no body to read'));
  }

  pauseBody(): void {}

  resumeBody(): void {}

  onAbort(callback: () => void): void {
    this.#onAbort.push(callback);
  }

  respond(): void {
    this.headSent = true;
  }

  writeHead(): void {
    this.headSent = true;
  }

  write(): boolean {
    return true;
  }

  onWritable(): void {}

  end(): void {}

  upgrade(): Duplex {
    throw new Error('a copy cannot be upgraded');
  }

  /** Ends the copy, as a client that leaves does. */
  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    for (const callback of this.#onAbort) callback();
  }

  destroy(): void {
    this.aborted = true;
  }
}
