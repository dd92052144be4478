import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { WebSocket } from 'undici';
import { until } from './until.js';

/** A WebSocket of a test, with what it has received. */
export interface SocketClient {
  readonly socket: WebSocket;
  /** Events of JSON. */
  readonly events: { type: string; [name: string]: unknown }[];
  /** Set when it has closed. */
  readonly closed: () => { code: number; reason: string } | null;
  send(event: object): void;
  /** Resolves with the first event of this type after those already taken. */
  next(type: string): Promise<{ type: string; [name: string]: unknown }>;
  close(): Promise<{ code: number; reason: string }>;
}

/** Connects; resolves when the socket is open or has failed. */
export async function connectSocket(
  t: TestContext,
  url: string,
  options: { headers?: Record<string, string>; protocols?: string[] } = {},
): Promise<SocketClient> {
  const { headers = {}, protocols = [] } = options;
  const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers, protocols });
  t.after(() => socket.close());
  const events: SocketClient['events'] = [];
  let closing: { code: number; reason: string } | null = null;
  let taken = 0;
  socket.addEventListener('message', ({ data }) => events.push(JSON.parse(String(data))));
  socket.addEventListener('close', ({ code, reason }) => {
    closing = { code, reason };
  });
  socket.addEventListener('error', () => {});
  await until('the handshake', () => socket.readyState !== WebSocket.CONNECTING);
  return {
    socket,
    events,
    closed: () => closing,
    send: (event) => socket.send(JSON.stringify(event)),
    async next(type) {
      const find = () => events.slice(taken).findIndex((event) => event.type === type);
      await until(`the event ${type}`, () => find() >= 0);
      taken += find() + 1;
      return events[taken - 1] ?? assert.fail();
    },
    async close() {
      socket.close(1000);
      await until('the end of the socket', () => closing !== null);
      return closing ?? assert.fail();
    },
  };
}
