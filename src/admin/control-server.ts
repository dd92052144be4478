import { createHash, timingSafeEqual } from 'node:crypto';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { ConfigError } from '../config/problem.js';
import { GatewayError, toGatewayError } from '../errors.js';

/** What the control process answers with. */
export interface Control {
  adminKey: string;
  version(): { version: number; timestamp: string };
  /** Resolves when the configuration is active on every worker. */
  reload(): Promise<{
    version: number;
    timestamp: string;
    providers_count: number;
    credentials_count: number;
  }>;
}

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
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(body);
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

interface Answer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}

async function answer(control: Control, request: IncomingMessage): Promise<Answer> {
  const path = (request.url ?? '').split('?')[0];
  authenticate(control.adminKey, request.headers.authorization);
  switch (`${request.method} ${path}`) {
    case 'GET /admin/v1/config/version':
      return json(200, control.version());
    case 'POST /admin/v1/config/reload':
      return json(200, await control.reload());
    default:
      throw new GatewayError('unknown_url', `Unknown request URL: ${request.method} ${path}.`);
  }
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

function json(status: number, value: unknown): Answer {
  return { status, headers: {}, body: JSON.stringify(value) };
}

function errorAnswer(error: unknown): Answer {
  const known =
    error instanceof ConfigError
      ? new GatewayError('invalid_configuration', error.message)
      : toGatewayError(error);
  return { status: known.status, headers: known.headers, body: known.toBody() };
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
