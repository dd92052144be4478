import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createRawServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** A request as it arrived at a provider. */
export interface Received {
  method: string;
  path: string;
  /** Names and values in turn, as sent. */
  rawHeaders: string[];
  headers: IncomingMessage['headers'];
  body: Buffer;
}

export interface Upstream {
  /** The value for `api_base`. */
  url: string;
  received: Received[];
  close(): Promise<void>;
}

export type Answer = (request: Received, response: ServerResponse) => void;

/** Starts a provider that records every request and answers as the test specifies. */
export async function startUpstream(t: TestContext, answer: Answer): Promise<Upstream> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // The request was cut short.
    }
    const { method = '', url = '', rawHeaders, headers } = request;
    const seen = { method, path: url, rawHeaders, headers, body: Buffer.concat(chunks) };
    received.push(seen);
    response.on('error', () => {});
    answer(seen, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  t.after(close);
  return { url: `http://127.0.0.1:${port}/v1`, received, close };
}

/** Starts a provider whose answer the test writes byte for byte, after a whole request. */
export async function startRawUpstream(
  t: TestContext,
  answer: (socket: Socket) => void,
): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createRawServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      const [, length = 0] = /content-length: (\d+)/i.exec(text) ?? [];
      if (head < 0 || text.length < head + 4 + Number(length)) return;
      text = '';
      answer(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

/** A complete answer that any client of chat completions understands. */
export function chatCompletion(model = 'm'): string {
  const message = { role: 'assistant', content: 'ok' };
  const choices = [{ index: 0, message, finish_reason: 'stop' }];
  return JSON.stringify({ id: 'c1', object: 'chat.completion', created: 1, model, choices });
}

/** Answers every request with `chatCompletion`. */
export const answerChat: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(chatCompletion());
};
