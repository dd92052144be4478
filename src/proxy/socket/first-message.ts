import type { Duplex } from 'node:stream';
import { AbortedError } from '../../server/exchange.js';
import { FrameError, FrameParser, frameBytes } from '../../websocket/frames.js';
import { GrowingBuffer } from '../../websocket/growing-buffer.js';

/**
 * Reads a client's first message and leaves its socket paused, with what follows still to be read.
 * @throws FrameError; AbortedError for a client that leaves or closes.
 */
export function firstMessage(client: Duplex, maxMessageBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const bytes = new GrowingBuffer();
    let message: Buffer | null = null;
    let isClosed = false;
    const limits = { maxMessageBytes, maxTextBytes: maxMessageBytes, takesBinary: true };
    const parser = new FrameParser(true, limits, {
      onText: (text) => {
        message = text;
      },
      onClose: () => {
        isClosed = true;
      },
    });
    const takeFrames = () => {
      for (;;) {
        const read = bytes.all();
        const length = frameBytes(read);
        if (message !== null || isClosed || length === null) return;
        if (length > maxMessageBytes + maxHeadBytes) {
          throw new FrameError(1009, `a message is longer than ${maxMessageBytes} bytes`);
        }
        if (length > read.length) return;
        parser.push(read.subarray(0, length));
        bytes.drop(length);
      }
    };
    const stop = () => {
      client.off('data', onData).off('end', onEnd).off('close', onEnd);
      client.pause();
    };
    const onEnd = () => {
      stop();
      reject(new AbortedError());
    };
    const onData = (piece: Buffer) => {
      bytes.add(piece);
      try {
        takeFrames();
      } catch (error) {
        stop();
        return reject(error);
      }
      if (isClosed) return onEnd();
      if (message === null) return;
      stop();
      const rest = bytes.all();
      if (rest.length > 0) client.unshift(rest);
      resolve(message);
    };
    client.on('data', onData).on('end', onEnd).on('close', onEnd);
    client.resume();
  });
}

/** RFC 6455, section 5.2. */
const maxHeadBytes = 14;
