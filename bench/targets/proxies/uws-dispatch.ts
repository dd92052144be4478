/** A bare proxy: uWebSockets.js in front, undici `dispatch()` behind. Arguments: port, upstream origin. */
import { type Dispatcher, Pool } from 'undici';
import { type HttpResponse, importHyperExpress } from '../../../src/server/uwebsockets.js';

const [port, upstream = ''] = process.argv.slice(2);
const pool = new Pool(upstream, { connections: 1024 });
const { Server } = await importHyperExpress();
const { uws_instance: app } = new Server({ auto_close: true });

app.any('/*', (response, request) => {
  const method = request.getMethod() === 'post' ? 'POST' : 'GET';
  const path = request.getUrl();
  let gone = false;
  let controller: Dispatcher.DispatchController | null = null;
  response.onAborted(() => {
    gone = true;
    controller?.abort(new Error('The client left'));
  });
  if (method === 'GET') {
    forward(null);
    return;
  }
  const chunks: Buffer[] = [];
  response.onData((chunk, isLast) => {
    chunks.push(Buffer.from(chunk.slice(0)));
    if (isLast) {
      forward(Buffer.concat(chunks));
    }
  });

  function forward(body: Buffer | null): void {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer mock' };
    const relay = relayTo(response, () => gone);
    pool.dispatch(
      { method, path, headers, body },
      {
        ...relay,
        onRequestStart: (started) => {
          controller = started;
        },
      },
    );
  }
});
app.listen('127.0.0.1', Number(port), () => {});

/** Answers of known length go out in one write, others chunk by chunk. */
function relayTo(response: HttpResponse, isGone: () => boolean): Dispatcher.DispatchHandler {
  let known = false;
  const chunks: Buffer[] = [];
  return {
    onResponseStart: (_controller, status, headers) => {
      known = headers['content-length'] !== undefined;
      const type = String(headers['content-type']);
      respond(() => {
        response.writeStatus(String(status)).writeHeader('content-type', type);
      });
    },
    onResponseData: (_controller, chunk) => {
      if (known) {
        chunks.push(chunk);
      } else {
        respond(() => response.write(chunk));
      }
    },
    onResponseEnd: () => {
      respond(() => (known ? response.end(Buffer.concat(chunks)) : response.end()));
    },
    onResponseError: () => {
      respond(() => response.close());
    },
  };

  function respond(act: () => void): void {
    if (!isGone()) {
      response.cork(act);
    }
  }
}
