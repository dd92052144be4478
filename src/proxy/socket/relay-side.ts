import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { FrameParser, writeClose } from '../../websocket/frames.js';

/** One of the two connections of a relay. */
export class RelaySide {
  /** Reads the frames that come from it. */
  readonly parser: FrameParser;
  /** It has sent a close frame, or its connection has ended. */
  isDone = false;
  /** A close frame was sent to it. */
  isTold = false;
  /** Nothing is read from it for now. */
  isHeld = false;
  /** Bytes that it had not accepted at the last tick, and since when the number is unchanged. */
  #waitingBytes = 0;
  #takenMs = performance.now();

  /** @param onText takes its messages, of at most `maxTextBytes`. */
  constructor(
    readonly stream: Duplex,
    readonly isClient: boolean,
    limits: { maxMessageBytes: number; maxTextBytes: number },
    onText: (text: Buffer) => void,
  ) {
    const onClose = () => {
      this.isDone = true;
    };
    this.parser = new FrameParser(isClient, { ...limits, takesBinary: true }, { onText, onClose });
  }

  /**
   * Sends a close frame, unless one was sent.
   * @param isInFrame true while a frame to it is under way, where none can be sent.
   */
  tell(code: number, reason: string, isInFrame: boolean): void {
    if (this.isTold) return;
    this.isTold = true;
    if (isInFrame || this.stream.destroyed) return;
    this.stream.write(writeClose(code, reason, this.isClient ? null : randomBytes(4)));
  }

  /** True if it has accepted no byte for this time. Called once a tick. */
  isStalled(nowMs: number, timeoutMs: number): boolean {
    const waitingBytes = this.stream.writableLength;
    if (waitingBytes === 0 || waitingBytes !== this.#waitingBytes) this.#takenMs = nowMs;
    this.#waitingBytes = waitingBytes;
    return nowMs - this.#takenMs >= timeoutMs;
  }
}
