import type { Server, Socket } from 'node:net';

/** Of all addresses together. */
export interface TotalCap {
  max: number;
  /** Called with each connection that is one too many. */
  onFull(): void;
}

/** Counts the connections, so that no address has more than its share, and all not too many. */
export class ConnectionCap {
  readonly #max: number;
  readonly #isExempt: (address: string) => boolean;
  readonly #total: TotalCap | null;
  readonly #open = new Map<string, number>();
  #all = 0;

  /** @param isExempt whether this address may have any number: a proxy's, say. */
  constructor(max: number, isExempt: (address: string) => boolean, total: TotalCap | null = null) {
    this.#max = max;
    this.#isExempt = isExempt;
    this.#total = total;
  }

  /** Counts a new connection; false when it is one too many, and then it is not counted. */
  opened(address: string): boolean {
    const open = this.#open.get(address) ?? 0;
    if (open >= this.#max && !this.#isExempt(address)) return false;
    if (this.#total !== null && this.#all >= this.#total.max) {
      this.#total.onFull();
      return false;
    }
    this.#all += 1;
    this.#open.set(address, open + 1);
    return true;
  }

  /** Of a connection that was counted. */
  closed(address: string): void {
    this.#all -= 1;
    const left = (this.#open.get(address) ?? 0) - 1;
    if (left > 0) this.#open.set(address, left);
    else this.#open.delete(address);
  }
}

/** Closes what is past the cap as soon as it is accepted. */
export function capConnections(server: Server, cap: ConnectionCap): void {
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '') ?? '';
    if (cap.opened(address)) socket.once('close', () => cap.closed(address));
    else socket.destroy();
  });
}
