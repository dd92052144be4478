import { rmSync, statSync } from 'node:fs';
import { chmod, rename, rm, stat } from 'node:fs/promises';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect, type ListenOptions } from 'node:net';
import { dirname, join } from 'node:path';
import { ConfigError } from '../config/problem.js';
import { GatewayError, toGatewayError } from '../errors.js';
import { adminAuthenticator, authorize, isLocal } from './authenticate.js';
import type { Control } from './control.js';
import { readBody } from './read-body.js';
import type { AdminAnswer, AdminRequest } from './route.js';
import { createRouter } from './router.js';
import { routes } from './routes/index.js';

/**
 * Serves the control plane over HTTP on a unix socket that only this user can open: workers pass
 * requests on to it, commands on this machine ask it directly. With `admin.listen` it serves the
 * same on that listener too.
 * @param replaces whether the daemon that serves on it is being replaced by this one: new
 *   connections then come here, without a moment in which none are taken.
 * @throws Error when another daemon serves on it, or a listener cannot be opened.
 */
export async function startControlServer(
  socketPath: string,
  control: Control,
  replaces = false,
): Promise<{ close(): Promise<void> }> {
  const authenticate = adminAuthenticator(control.adminKeys);
  const answer = async (message: IncomingMessage, client: Client): Promise<AdminAnswer> => {
    const url = new URL(message.url ?? '/', 'http://control');
    const { route, check, params } = find(message.method ?? 'GET', url.pathname);
    const { access: given } = route;
    const access = typeof given === 'function' ? given(control.settings) : given;
    const { authorization } = message.headers;
    let actor = 'anonymous';
    if (access === 'admin' || (access === 'local' && !client.local)) {
      const key = authenticate(authorization, client.address);
      authorize(key, route.method, route.readOnly ?? false);
      actor = `admin:${key.name}`;
    }
    check.parameters(params, url.searchParams);
    const request: AdminRequest = {
      params,
      query: url.searchParams,
      headers: message.headers,
      body: check.body(await readBody(message, route.maxBodyBytes)),
      remoteAddress: client.address,
      local: client.local,
      requestId: client.requestId,
      actor,
    };
    const answered = await route.handle(request, control);
    return access === 'open' ? answered : withHeaders(answered, { 'cache-control': 'no-store' });
  };
  const listener =
    (identify: (message: IncomingMessage) => Client): RequestListener =>
    (message, response) => {
      const client = identify(message);
      answer(message, client)
        .catch((error: unknown) => errorAnswer(error, client, control))
        .then((answered) => write(response, client, answered));
    };

  const servers: Server[] = [await listenOnSocket(socketPath, listener(relayedClient), replaces)];
  const close = async () => {
    await Promise.all(servers.map(closeServer));
  };
  try {
    const own = control.settings.admin.listen;
    if (own?.startsWith('unix:')) {
      servers.push(
        await listenOnSocket(own.slice('unix:'.length), listener(directClient), replaces),
      );
    } else if (own) {
      servers.push(await listen(listener(directClient), hostAndPort(own)));
    }
  } catch (error) {
    await close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`admin.listen: ${reason}`, { cause: error });
  }
  return { close };
}

/** Who asks. */
interface Client {
  address: string;
  /** True when the request was made on this machine. */
  local: boolean;
  requestId: string;
  /** True when the answer does not pass a worker, which would add the request's id. */
  direct: boolean;
}

const find = createRouter(routes);

/** On the control socket: a worker, which adds its client's address as a proxy does, or a command. */
function relayedClient({ headers }: IncomingMessage): Client {
  const addresses = String(headers['x-forwarded-for'] ?? 'local').split(/\s*,\s*/);
  const address = addresses[addresses.length - 1] ?? '';
  const forwarded = addresses.length > 1 || (headers.forwarded ?? headers['x-real-ip']);
  const requestId = String(headers['x-request-id'] ?? '');
  return { address, local: !forwarded && isLocal(address), requestId, direct: false };
}

/** On the listener of `admin.listen`: what a proxy before it forwards is not from this machine. */
function directClient({ headers, socket }: IncomingMessage): Client {
  const address = socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '') ?? 'local';
  const forwarded = headers['x-forwarded-for'] ?? headers.forwarded ?? headers['x-real-ip'];
  const sent = String(headers['x-request-id'] ?? '');
  const requestId = /^[\x21-\x7e]{1,128}$/.test(sent) ? sent : crypto.randomUUID();
  return { address, local: forwarded === undefined && isLocal(address), requestId, direct: true };
}

function write(response: ServerResponse, { direct, requestId }: Client, answer: AdminAnswer): void {
  const { status, body } = answer;
  const raw = typeof body === 'string' || Buffer.isBuffer(body) || body === undefined;
  const bytes = raw ? Buffer.from(body ?? '') : Buffer.from(JSON.stringify(body));
  const length = status === 204 || status === 304 ? {} : { 'content-length': bytes.length };
  const headers = {
    ...(raw ? {} : jsonType),
    'x-content-type-options': 'nosniff',
    ...length,
    ...answer.headers,
    ...(direct ? { 'x-request-id': requestId } : {}),
  };
  response.writeHead(status, headers).end(bytes);
}

const jsonType = { 'content-type': 'application/json' };

function errorAnswer(error: unknown, { requestId }: Client, { emit }: Control): AdminAnswer {
  const known =
    error instanceof ConfigError
      ? new GatewayError('invalid_configuration', error.message)
      : toGatewayError(error);
  if (known.code === 'internal_error') {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    emit({ type: 'request_failed', requestId, error: reason });
  }
  return { status: known.status, headers: { ...jsonType, ...known.headers }, body: known.toBody() };
}

function withHeaders(answer: AdminAnswer, headers: Record<string, string>): AdminAnswer {
  return { ...answer, headers: { ...headers, ...answer.headers } };
}

/**
 * The socket is opened under a name of its own and then moved to its place: there it is only seen
 * with its mode, it can replace another's without a gap, and Node, which removes the name that it
 * has opened when it closes, does not remove the one of a successor.
 */
async function listenOnSocket(
  path: string,
  listener: RequestListener,
  replaces: boolean,
): Promise<Server> {
  if (!replaces && (await answers(path))) {
    throw new Error(`another llmproxy runs on this data directory (it answers on ${path})`);
  }
  const opened = join(dirname(path), `.${process.pid}`);
  await rm(opened, { force: true });
  const server = await listen(listener, { path: opened });
  await chmod(opened, 0o600);
  const { ino } = await stat(opened);
  await rename(opened, path);
  server.once('close', () => {
    if (statSync(path, { throwIfNoEntry: false })?.ino === ino) rmSync(path, { force: true });
  });
  return server;
}

async function listen(listener: RequestListener, address: ListenOptions): Promise<Server> {
  const server = createServer({ requestTimeout: 30_000 }, listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, resolve);
  });
  return server;
}

/** `127.0.0.1:18001` or `[::1]:18001`; the settings' schema has checked the form. */
function hostAndPort(address: string): ListenOptions {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(address.slice(colon + 1)) };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const done = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });
}
