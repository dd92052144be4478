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
import { pathOf } from '../http1/request-parser.js';
import { Activity, quietTurn } from './activity.js';
import { capConnections } from './connection-cap.js';
import type { Engine, Server, ServerOptions } from './exchange.js';
import { NodeExchange } from './node-exchange.js';

const serverOptions = {
  noDelay: true,
  keepAliveTimeout: 75_000,
  headersTimeout: 20_000,
  // Long uploads are legitimate: the exchange ends those that stall.
  requestTimeout: 0,
  maxHeaderSize: 16 * 1024,
  insecureHTTPParser: false,
};

/** The engine over `node:http`, which runs wherever Node does. */
export const nodeEngine: Engine = { name: 'node', listen };

async function listen(options: ServerOptions): Promise<Server> {
  const { handler, connectionCap } = options;
  const activity = new Activity();
  const server = createServer(serverOptions);
  const serve = (req: IncomingMessage, res: ServerResponse, expectsContinue: boolean) => {
    try {
      req.url = pathOf(req.method ?? '', req.url ?? '');
      checkCoding(req.headers['transfer-encoding']);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refuse(req.socket, error.status, `The request is not valid HTTP: ${error.message}.`);
      return;
    }
    handler(new NodeExchange(req, res, activity, expectsContinue));
  };
  server.on('request', (req, res) => serve(req, res, false));
  server.on('checkContinue', (req, res) => serve(req, res, true));
  server.on('clientError', refuseUnparsable);
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

/** node:http accepts other codings before `chunked`, and does not decode them. */
function checkCoding(coding: string | undefined): void {
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    throw new ProtocolError('transfer-encoding is not chunked');
  }
}

/** Answers what is not HTTP, and framing that two parsers could read differently. */
function refuseUnparsable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
  else if (error.code === 'HPE_HEADER_OVERFLOW') {
    refuse(socket, 431, 'The request headers are larger than this gateway accepts.');
  } else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    refuse(socket, 408, 'The request headers did not arrive in time.');
  } else refuse(socket, 400, 'The request is not valid HTTP.');
}

function refuse(socket: Duplex, status: number, message: string): void {
  const body = new GatewayError('invalid_request', message).toBody();
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
