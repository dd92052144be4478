import type { Socket } from 'node:net';
import type { BodySink, BodyStream } from './exchange-handler.js';

const lineEnd = '\r\n';
const lastChunk = '0\r\n\r\n';

/** Writes a body to a server as it arrives, no faster than the server takes it. */
export class BodyWriter implements BodySink {
  /** All of it is written. */
  isDone = false;
  readonly #socket: Socket;
  readonly #body: BodyStream;
  readonly #onTurn: (isServers: boolean) => void;
  #stopped = false;

  /** @param onTurn called when the side that is waited for changes: the server, or the body. */
  constructor(socket: Socket, body: BodyStream, onTurn: (isServers: boolean) => void) {
    this.#socket = socket;
    this.#body = body;
    this.#onTurn = onTurn;
  }

  start(): void {
    this.#onTurn(false);
    this.#body.pipe(this);
  }

  write(piece: Buffer): boolean {
    if (this.#stopped || piece.length === 0) return true;
    const socket = this.#socket;
    let taken: boolean;
    if (this.#body.bytes === null) {
      socket.cork();
      socket.write(piece.length.toString(16) + lineEnd, 'latin1');
      socket.write(piece);
      taken = socket.write(lineEnd, 'latin1');
      socket.uncork();
    } else taken = socket.write(piece);
    if (!taken) this.#onTurn(true);
    return taken;
  }

  end(): void {
    if (this.#stopped || this.isDone) return;
    this.isDone = true;
    if (this.#body.bytes === null) this.#socket.write(lastChunk, 'latin1');
    this.#onTurn(true);
  }

  /** The socket takes more. */
  resume(): void {
    if (this.#stopped || this.isDone) return;
    this.#onTurn(false);
    this.#body.resume();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#body.stop();
  }
}
