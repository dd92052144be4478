import type { Server, Socket } from 'node:net';

/** Counts the connections of each address, so that none has more than its share. */
export class ConnectionCap {
  readonly #max: number;
  readonly #isExempt: (address: string) => boolean;
  readonly #open = new Map<string, number>();

  /** @param isExempt whether this address may have any number: a proxy's, say. */
  constructor(max: number, isExempt: (address: string) => boolean) {
    this.#max = max;
    this.#isExempt = isExempt;
  }

  /** Counts a new connection; false when it is one too many, and then it is not counted. */
  opened(address: string): boolean {
    const open = this.#open.get(address) ?? 0;
    if (open >= this.#max && !this.#isExempt(address)) return false;
    this.#open.set(address, open + 1);
    return true;
  }

  /** Of a connection that was counted. */
  closed(address: string): void {
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
