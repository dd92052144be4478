import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { type AddressInfo, type ListenOptions, Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../errors.js';
import { ProtocolError } from '../http1/protocol-error.js';
import { pathIn, pathOf } from '../http1/request-parser.js';
import { Activity, quietTurn } from './activity.js';
import { checkFraming } from './check-framing.js';
import { capConnections } from './connection-cap.js';
import { type Engine, plainErrorBody, type Server, type ServerOptions } from './exchange.js';
import { NodeExchange } from './node-exchange.js';

const serverOptions = {
  noDelay: true,
  keepAliveTimeout: 75_000,
  headersTimeout: 20_000,
  // Long uploads are legitimate: the exchange ends those that stall.
  requestTimeout: 0,
  maxHeaderSize: 48 * 1024,
  insecureHTTPParser: false,
};

/** The engine over `node:http`, which runs wherever Node does. */
export const nodeEngine: Engine = { name: 'node', listen };

async function listen(options: ServerOptions): Promise<Server> {
  const { handler, connectionCap, errorBody = plainErrorBody } = options;
  /** Path of each connection's last request, for errors in its body. */
  const paths = new WeakMap<Duplex, string>();
  const refuse = (socket: Duplex, path: string, error: GatewayError) =>
    socket.end(refusal(error, errorBody(path, error)));
  const activity = new Activity();
  const server = createServer(serverOptions);
  const serve = (req: IncomingMessage, res: ServerResponse, expectsContinue: boolean) => {
    try {
      req.url = pathOf(req.method ?? '', req.url ?? '');
      checkFraming(req);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refuse(req.socket, req.url ?? '', invalid(`: ${error.message}`, error.status));
      return;
    }
    paths.set(req.socket, req.url);
    handler(new NodeExchange(req, res, activity, expectsContinue));
  };
  server.on('request', (req, res) => serve(req, res, false));
  server.on('checkContinue', (req, res) => serve(req, res, true));
  // Without a listener the connection is closed with no answer.
  server.on('connect', (_req, socket) =>
    refuse(socket, '', invalid(': CONNECT is for proxies', 400)),
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else refuse(socket, pathOfRefused(error) || (paths.get(socket) ?? ''), errorOf(error));
  });
  if (connectionCap) capConnections(server, connectionCap);
  server.on('connection', (socket) => {
    activity.connectionChanged(1);
    socket.on('close', () => activity.connectionChanged(-1));
  });

  await bind(server, options);
  const { port: boundPort } = server.address() as AddressInfo;

  const close = () => {
    server.close();
    server.closeAllConnections();
  };

  let drained: Promise<void> | null = null;
  const drain = async () => {
    activity.draining = true;
    await quietTurn();
    // http.Server's own close would close idle connections without the grace of a second.
    NetServer.prototype.close.call(server);
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

async function bind(server: HttpServer, { host, port, fd = null }: ServerOptions): Promise<void> {
  const options: ListenOptions & { reusePort?: boolean; fd?: number } =
    fd === null ? { host, port, reusePort: true } : { fd };
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(`Cannot listen on ${host}:${port}: ${error.code ?? error.message}`)),
    );
    server.listen(options, resolve);
  });
  server.removeAllListeners('error');
}

/** The error for bytes that are not HTTP, or whose framing two parsers could read differently. */
function errorOf({ code }: NodeJS.ErrnoException): GatewayError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const message = 'The request headers are larger than this gateway accepts.';
    return new GatewayError('invalid_request', message, { status: 431 });
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new GatewayError('request_timeout', 'The request headers did not arrive in time.');
  }
  return invalid('', 400);
}

function invalid(reason: string, status: number): GatewayError {
  const message = `The request is not valid HTTP${reason}.`;
  return new GatewayError('invalid_request', message, { status });
}

/** The path of a request that the parser refused; empty where its bytes do not begin with one. */
function pathOfRefused(error: NodeJS.ErrnoException & { rawPacket?: Buffer }): string {
  return error.rawPacket ? pathIn(error.rawPacket) : '';
}

function refusal({ status }: GatewayError, body: string): string {
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\n` +
    `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}
