import { connect } from 'node:net';
import { createResponseParser } from './response-parser.js';

/** Outcomes of the request that a connection has sent. */
export interface ConnectionEvents {
  onFirstBodyByte(): void;
  onEvents(count: number): void;
  /** The answer is complete; the connection may send again. */
  onAnswer(status: number): void;
  /** The connection has closed, possibly between requests. Not called after `close`. */
  onClose(reason: string): void;
}

export interface Connection {
  send(request: Uint8Array): void;
  close(): void;
}

// Sockets are read one at a time, so they can share one read buffer.
const readBuffer = Buffer.allocUnsafe(64 * 1024);

/** Opens a connection for one request at a time; a request sent before it is open waits. */
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
