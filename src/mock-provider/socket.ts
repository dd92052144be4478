import type { Duplex } from 'node:stream';
import type { Exchange } from '../server/exchange.js';
import { FrameError, FrameParser, writeClose } from '../websocket/frames.js';
import { acceptOf, isKey, protocolsIn } from '../websocket/handshake.js';
import { ProviderError } from './provider-error.js';

const maxMessageBytes = 16 * 1024 * 1024;

/** A client's WebSocket. */
export interface MockSocket {
  /** For the frames to the client. */
  readonly stream: Duplex;
  close(code: number, reason?: string): void;
  /**
   * Calls back with each message of the client. Resolves once the socket is closed; a message that
   * cannot be read closes it.
   */
  serve(onText: (text: string) => void): Promise<void>;
}

/** @throws ProviderError if the request is no handshake. */
export function checkHandshake(exchange: Exchange): void {
  if (exchange.upgradeTo !== 'websocket' || !isKey(exchange.header('sec-websocket-key'))) {
    throw new ProviderError(426, 'This endpoint is served by WebSocket.');
  }
}

/** Answers a handshake, with the first protocol that is offered. */
export function openSocket(exchange: Exchange): MockSocket {
  const [protocol] = protocolsIn(exchange.header('sec-websocket-protocol'));
  const stream = exchange.upgrade([
    ...['sec-websocket-accept', acceptOf(exchange.header('sec-websocket-key'))],
    ...(protocol === undefined ? [] : ['sec-websocket-protocol', protocol]),
  ]);
  const close = (code: number, reason = '') => {
    stream.write(writeClose(code, reason));
    stream.end();
  };
  return {
    stream,
    close,
    async serve(onText) {
      const parser = new FrameParser(
        true,
        { maxMessageBytes, maxTextBytes: maxMessageBytes },
        { onText: (text) => onText(text.toString()), onClose: (code) => close(code ?? 1000) },
      );
      stream.on('error', () => {});
      stream.on('data', (piece: Buffer) => {
        try {
          parser.push(piece);
        } catch (error) {
          close(error instanceof FrameError ? error.code : 1007, 'that was no event');
        }
      });
      stream.on('end', () => stream.end());
      stream.resume();
      await new Promise((resolve) => stream.on('close', resolve));
    },
  };
}
