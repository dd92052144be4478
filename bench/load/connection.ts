import { connect } from 'node:net';
import { createResponseParser } from './response-parser.js';

/** What happens to the request that a connection sent. */
export interface ConnectionEvents {
  onFirstBodyByte(): void;
  onEvents(count: number): void;
  /** The answer is complete; the connection may send again. */
  onAnswer(status: number): void;
  /** The connection is gone, also between requests; it ends here unless `close` was called. */
  onClose(reason: string): void;
}

export interface Connection {
  send(request: Uint8Array): void;
  close(): void;
}

// Sockets are read one after the other, so they may share the memory that is read into.
const readBuffer = Buffer.allocUnsafe(64 * 1024);

/** Opens a connection that sends one request at a time; what is sent earlier waits for it. */
export function openConnection(host: string, port: number, events: ConnectionEvents): Connection {
  let status = 0;
  let reason = 'the connection was closed';
  let closed = false;
  const parse = createResponseParser({
    onHead: (code) => {
      status = code;
    },
    onFirstBodyByte: events.onFirstBodyByte,
    onEvents: events.onEvents,
    onEnd: () => events.onAnswer(status),
  });
  const socket = connect({
    host,
    port,
    noDelay: true,
    onread: {
      buffer: readBuffer,
      callback: (length, buffer) => {
        parse(Buffer.from(buffer.buffer, buffer.byteOffset, length));
        return true;
      },
    },
  });
  socket.on('error', (error) => {
    reason = error.message;
  });
  socket.on('close', () => {
    if (!closed) {
      events.onClose(reason);
    }
  });
  return {
    send: (request) => socket.write(request),
    close: () => {
      closed = true;
      socket.destroy();
    },
  };
}
