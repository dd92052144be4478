import { createHash, timingSafeEqual } from 'node:crypto';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { ConfigError } from '../config/problem.js';
import { GatewayError, toGatewayError } from '../errors.js';
import type { Control } from './control.js';
import type { AdminAnswer, AdminRequest, AdminRoute } from './route.js';
import { routes } from './routes/index.js';

/**
 * Serves the control plane over HTTP on a unix socket that only this user can open. Workers pass
 * requests on to it; commands on this machine ask it directly.
 * @throws Error when another daemon serves on it.
 */
export async function startControlServer(
  socketPath: string,
  control: Control,
): Promise<{ close(): Promise<void> }> {
  if (await answers(socketPath)) {
    throw new Error(`another llmproxy runs on this data directory (it answers on ${socketPath})`);
  }
  await rm(socketPath, { force: true });
  const server = createServer((request, response) => {
    answer(control, request)
      .catch((error: unknown) => errorAnswer(error))
      .then(({ status, headers, body }) => {
        const raw = typeof body === 'string' || Buffer.isBuffer(body) || body === undefined;
        response.writeHead(status, { ...(raw ? {} : jsonType), ...headers });
        response.end(raw ? body : JSON.stringify(body));
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  await chmod(socketPath, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const jsonType = { 'content-type': 'application/json' };

const compiled = routes.map((route) => ({ route, pattern: pathPattern(route.path) }));

async function answer(control: Control, message: IncomingMessage): Promise<AdminAnswer> {
  const url = new URL(message.url ?? '/', 'http://control');
  const { route, params } = find(message.method ?? 'GET', url.pathname);
  const request: AdminRequest = {
    params,
    query: url.searchParams,
    headers: message.headers,
    body: undefined,
    remoteAddress: String(message.headers['x-forwarded-for'] ?? 'local'),
    requestId: String(message.headers['x-request-id'] ?? ''),
  };
  if (route.access !== 'open') authenticate(control.adminKey, message.headers.authorization);
  return await route.handle(request, control);
}

function find(method: string, path: string): { route: AdminRoute; params: Record<string, string> } {
  for (const { route, pattern } of compiled) {
    const match = route.method === method ? pattern.exec(path) : null;
    if (match) return { route, params: { ...match.groups } };
  }
  throw new GatewayError('unknown_url', `Unknown request URL: ${method} ${path}.`);
}

function pathPattern(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
}

/** Compared by hash, in constant time, so that neither length nor content can be timed. */
function authenticate(adminKey: string, header: string | undefined): void {
  const key = /^bearer (.+)$/i.exec(header ?? '')?.[1];
  if (key === undefined) {
    throw new GatewayError('missing_api_key', 'Send the admin key: Authorization: Bearer KEY.');
  }
  if (!timingSafeEqual(sha256(key), sha256(adminKey))) {
    throw new GatewayError('invalid_api_key', 'The admin key is not valid.');
  }
}

function errorAnswer(error: unknown): AdminAnswer {
  const known =
    error instanceof ConfigError
      ? new GatewayError('invalid_configuration', error.message)
      : toGatewayError(error);
  return { status: known.status, headers: { ...jsonType, ...known.headers }, body: known.toBody() };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
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
