import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Engine, Exchange } from './exchange.js';

/** Time limit for one answer. */
const answerMs = 2_000;
/** Pause between two pieces that must not reach the server as one. */
const betweenMs = 20;

const cases = [
  {
    defect: 'answers no request whose first line comes in two segments',
    pieces: ['GET / HT', 'TP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'],
    body: '',
  },
  {
    defect: 'takes the trailers of a body for another request',
    pieces: [
      'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n',
      '1\r\na\r\n0\r\nX-Trailer: 1\r\n\r\n',
    ],
    body: 'a',
  },
];

/**
 * Lists the defects of an engine on this machine, found by serving on a loopback port for a moment;
 * empty where there are none.
 */
export async function defectsOf(engine: Engine): Promise<string[]> {
  let requests = 0;
  const handler = (exchange: Exchange) => {
    requests++;
    exchange.readBody(1024).then(
      (body) => exchange.respond(200, [], `<${body}>`),
      () => {},
    );
  };
  const server = await engine.listen({ host: '127.0.0.1', port: 0, handler });
  try {
    const found: string[] = [];
    for (const { defect, pieces, body } of cases) {
      requests = 0;
      const answer = await answerTo(server.port, pieces);
      const isRight = answer.startsWith('HTTP/1.1 200') && answer.endsWith(`<${body}>`);
      if (!isRight || requests !== 1) found.push(defect);
    }
    return found;
  } finally {
    server.close();
  }
}

/** All bytes received until the answer is complete, the connection closes or time is up. */
async function answerTo(port: number, pieces: readonly string[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let answer = '';
  const over = new Promise<void>((resolve) => {
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      if (answer.endsWith('>')) resolve();
    });
    socket.on('error', () => resolve()).on('close', () => resolve());
    setTimeout(resolve, answerMs).unref();
  });
  await Promise.race([once(socket, 'connect').catch(() => {}), over]);
  for (const piece of pieces) {
    socket.write(piece, 'latin1');
    await pause(betweenMs);
  }
  await over;
  // Bytes mistaken for another request would be answered after this one.
  await pause(betweenMs);
  socket.destroy();
  return answer;
}
