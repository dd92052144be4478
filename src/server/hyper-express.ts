import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Activity, quietTurn } from './activity.js';
import { type Engine, plainErrorBody, type Server, type ServerOptions } from './exchange.js';
import { HyperExpressExchange, type SlowExchanges } from './hyper-express-exchange.js';
import {
  type HttpRequest,
  type HttpResponse,
  type HyperExpressServer,
  importHyperExpress,
} from './uwebsockets.js';

/** Cap on the size of all request headers, which uWebSockets.js reads when it is loaded. */
const maxHeaderBytes = 48 * 1024;

/** Well below the 10 s after which uWebSockets.js closes a connection that makes no progress. */
const keepOpenIntervalMs = 4000;

/**
 * Loads the engine, an optional dependency. Its life cycle is that of hyper-express's `Server`;
 * requests come directly from the uWebSockets.js app below it, since hyper-express's own request
 * and response objects cost 15 microseconds a request.
 *
 * Fixed behaviour of uWebSockets.js: it closes idle connections after 10 s, closes a connection on
 * pipelining (a request sent before the previous response has ended), and refuses HTTP/1.0.
 * @throws when the native module does not load on this machine.
 */
export async function loadHyperExpress(): Promise<Engine> {
  process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= String(maxHeaderBytes);
  const { Server } = await importHyperExpress();
  return {
    name: 'hyper-express',
    listen: (options) => listen(new Server({ auto_close: false }), options),
  };
}

async function listen(server: HyperExpressServer, options: ServerOptions): Promise<Server> {
  const { handler, host, port, errorBody = plainErrorBody } = options;
  const activity = new Activity();
  const slow: SlowExchanges = new Set();
  const app = server.uws_instance;

  // With this handler, hyper-express would register its own catch-all at listen.
  Object.assign(server.handlers, { on_not_found: null });
  app.filter((_res, change) => activity.connectionChanged(Number(change)));
  app.any('/*', (res: HttpResponse, req: HttpRequest) => {
    const exchange = new HyperExpressExchange(res, req, activity, slow);
    res.onAborted(() => exchange.handleAbort());
    const { ambiguity } = exchange;
    if (ambiguity !== null) {
      // Deferred: until this is answered, uWebSockets.js closes the connection rather than read the
      // following bytes as another request.
      setImmediate(() => exchange.refuse(ambiguity, errorBody));
      return;
    }
    if (exchange.body !== null) res.onData((data, last) => exchange.handleData(data, last));
    handler(exchange);
  });

  try {
    // uWebSockets.js does not share (SO_REUSEPORT) a port chosen by the kernel.
    await server.listen(port === 0 ? await freePort(host) : port, host);
  } catch {
    throw new Error(
      `Cannot listen on ${host}:${port}: the address is in use or not one of this machine`,
    );
  }
  const boundPort = server.port;
  const keepOpen = setInterval(() => {
    for (const exchange of slow) exchange.keepOpen();
  }, keepOpenIntervalMs).unref();

  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    clearInterval(keepOpen);
    server.close();
    app.close();
  };

  let drained: Promise<void> | null = null;
  const drain = async () => {
    activity.draining = true;
    await quietTurn();
    if (!closed) server.close();
    await activity.idle();
    close();
  };

  return {
    port: boundPort,
    get active() {
      return activity.requests;
    },
    drain() {
      drained ??= drain();
      return drained;
    },
    close,
  };
}

async function freePort(host: string): Promise<number> {
  const probe = createServer().listen(0, host);
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
