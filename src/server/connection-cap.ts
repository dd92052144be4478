import type { Server, Socket } from 'node:net';
import { networkOf } from '../limits/network-of.js';
import { addressText } from './address-text.js';

/** The cap over all addresses. */
export interface TotalCap {
  max: number;
  /** Called for each connection above the cap. */
  onFull(): void;
}

/** Counts connections, to cap those of each address (IPv6: each /64) and their total. */
export class ConnectionCap {
  readonly #max: number;
  readonly #isExempt: (address: string) => boolean;
  readonly #total: TotalCap | null;
  readonly #open = new Map<string, number>();
  #all = 0;

  /** @param isExempt returns true for an address without a cap, such as a proxy's. */
  constructor(max: number, isExempt: (address: string) => boolean, total: TotalCap | null = null) {
    this.#max = max;
    this.#isExempt = isExempt;
    this.#total = total;
  }

  /** Counts a new connection; returns false, without counting it, when it is above a cap. */
  opened(address: string): boolean {
    const network = networkOf(address);
    const open = this.#open.get(network) ?? 0;
    if (open >= this.#max && !this.#isExempt(address)) return false;
    if (this.#total !== null && this.#all >= this.#total.max) {
      this.#total.onFull();
      return false;
    }
    this.#all += 1;
    this.#open.set(network, open + 1);
    return true;
  }

  /** Call it once for each counted connection. */
  closed(address: string): void {
    this.#all -= 1;
    const network = networkOf(address);
    const left = (this.#open.get(network) ?? 0) - 1;
    if (left > 0) this.#open.set(network, left);
    else this.#open.delete(network);
  }
}

/** Closes connections above the cap as soon as they are accepted. */
export function capConnections(
  server: Server,
  cap: ConnectionCap,
  addressOf = (socket: Socket) => addressText(socket.remoteAddress),
): void {
  server.on('connection', (socket: Socket) => {
    const address = addressOf(socket);
    if (cap.opened(address)) socket.once('close', () => cap.closed(address));
    else socket.destroy();
  });
}
