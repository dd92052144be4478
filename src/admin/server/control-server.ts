import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { maxAdminBodyBytes } from '../../config/body-limits.js';
import { Clients, needsNoKey } from '../../config/network/client.js';
import { Networks } from '../../config/network/networks.js';
import { ConfigError } from '../../config/problem.js';
import { mayChange } from '../../config/settings/settings-types.js';
import { GatewayError, toGatewayError } from '../../errors.js';
import { refuseFraming } from '../../server/check-framing.js';
import type { TlsMaterial } from '../../server/exchange.js';
import { HeldBodies } from '../../server/held-bodies.js';
import { contextOf } from '../../server/net.js';
import { errorPage, pageHeaders, wantsPage } from '../../server/page.js';
import { isOfEndpoint } from '../../server/relayed.js';
import { requestIdOf } from '../../server/request-id.js';
import { checkHost, checkTarget } from '../../server/request-target.js';
import { adminAuthenticator, authorize } from '../access/authenticate.js';
import { type Caller, callerOnListener, callerOnSocket } from '../access/caller.js';
import { Guesses } from '../access/guesses.js';
import type { Control } from '../control.js';
import { anonymous } from '../request.js';
import type { AdminAnswer } from '../route.js';
import { routes } from '../routes/index.js';
import { type Identity, identify } from '../session/identify.js';
import { hasLongList, jsonText } from './json-text.js';
import {
  type AnyServer,
  closeServer,
  descriptorOf,
  hostAndPort,
  listenOnPort,
  listenOnSocket,
} from './listeners.js';
import { decodeBody, readBody } from './read-body.js';
import { isReplaced, replacedFiles } from './replaced-files.js';
import { createRouter } from './router.js';

export interface ControlServer {
  /** Descriptor of the listener of `admin.listen`; null if that is not a port. */
  readonly adminFd: number | null;
  /** Uses this certificate for new connections to a listener with TLS. */
  renewTls(tls: TlsMaterial): void;
  close(): Promise<void>;
}

interface ListenOptions {
  /** True where this daemon replaces the one that serves: it then takes over without a gap. */
  replaces: boolean;
  /** TLS of the listener of `admin.listen`; null: it speaks plain HTTP. */
  tls: TlsMaterial | null;
  /** Descriptor of the socket of `admin.listen`, open already; null: it is to be opened. */
  adminFd: number | null;
}

/**
 * Serves the control plane over HTTP on a unix socket that only this user can open: workers forward
 * requests to it, commands on this machine use it directly. With `admin.listen` it serves the same
 * on that listener too.
 * @throws Error when another daemon serves on it, or a listener cannot be opened.
 */
export async function startControlServer(
  socketPath: string,
  control: Control,
  { replaces, tls, adminFd }: ListenOptions,
): Promise<ControlServer> {
  const { admin, server: main } = control.settings;
  const { adminKeys, emit, links, sessions } = control;
  const guesses = new Guesses(emit);
  const authenticate = adminAuthenticator(adminKeys, guesses);
  const { enabled } = control.settings.console;
  const identifying = { authenticate, guesses, links, sessions: enabled ? sessions : null };
  // Only this user, and root, can open the socket of commands: a key would prove nothing more, and
  // is often in the environment of the daemon alone.
  const command: Identity = {
    ...{ actor: 'admin:admin', role: 'admin', session: null },
    key: adminKeys[0] ?? null,
  };
  // The admin listener does not take the PROXY protocol.
  const clients = new Clients({ ...main, proxy_protocol: false });
  const mayUseAdmin = new Networks(admin.allow_from);
  const bodies = new HeldBodies();

  /** All checks that can refuse a request come before its body is read. */
  const answer = async (
    message: IncomingMessage,
    response: ServerResponse,
    caller: Caller,
    requestId: string,
  ) => {
    const { url = '/', method = 'GET', headers, rawHeaders } = message;
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    const query = mark < 0 ? '' : url.slice(mark + 1);
    refuseFraming(message);
    checkHost(rawHeaders);
    checkTarget(path, query);
    const { route, check, params } = find(method, path);
    const { endpoint, address } = caller;
    const isElsewhere = admin.listen !== null && (endpoint === '/admin' || endpoint === '/console');
    const isOff = route.console === true && !enabled;
    if (isOff || (endpoint !== null && (isElsewhere || !isOfEndpoint(route.path, endpoint)))) {
      throw new GatewayError('unknown_url', `Unknown request URL: ${method} ${path}.`);
    }
    const access =
      typeof route.access === 'function' ? route.access(control.settings) : route.access;
    const isRefused = admin.allow_from.length > 0 && !mayUseAdmin.has(address);
    if (isOfEndpoint(route.path, '/admin') && address !== 'local' && isRefused) {
      throw new GatewayError('permission_denied', `${address} may not use the admin API.`);
    }
    const { isSecure } = caller;
    let identity: Identity = nobody;
    if (!needsNoKey(access, caller.isLocal, caller.listenHost)) {
      const signsIn = route.signsIn === true;
      const asking = { method, headers, address, isSecure, signsIn };
      identity = caller.commandUser === null ? await identify(identifying, asking) : command;
      authorize(identity, route);
    }
    const { role, key, session } = identity;
    const actor = caller.commandUser ?? identity.actor;
    const parameters = new URLSearchParams(query);
    check.parameters(params, parameters);
    const maxBytes = route.maxBodyBytes?.[role] ?? maxAdminBodyBytes;
    const header = (name: string) => String(headers[name] ?? '');
    const release = bodies.hold(header, maxBytes, mayChange(role));
    let answered: AdminAnswer;
    try {
      const body = await readBody(message, response, maxBytes);
      const asked = {
        params,
        headers,
        remoteAddress: address,
        local: caller.isLocal,
        requestId,
        actor,
        isCommand: caller.commandUser !== null,
        role,
      };
      if (route.bulk) {
        const { operationId } = route.operation;
        const request = { ...asked, operationId, query, body: new Uint8Array(body) };
        answered = await whileConnected(message, (signal) => control.bulk(request, signal));
      } else {
        const checked = { query: parameters, body: check.body(decodeBody(body)) };
        const request = { ...asked, ...checked, key, session, isSecure };
        answered = await whileConnected(
          message,
          async (signal) => await route.handle({ ...request, signal }, control),
        );
      }
    } finally {
      release();
    }
    return access === 'open' ? answered : withHeaders(answered, { 'cache-control': 'no-store' });
  };
  const listener =
    (identify: (message: IncomingMessage) => Caller, isDirect: boolean): RequestListener =>
    async (message, response) => {
      const requestId = requestIdOf(String(message.headers['x-request-id'] ?? ''));
      let answered: AdminAnswer;
      try {
        answered = await answer(message, response, identify(message), requestId);
      } catch (error) {
        answered = errorAnswer(error, requestId, control, message);
      }
      // A worker adds the header to the answers it forwards.
      const headers = isDirect ? { 'x-request-id': requestId } : {};
      await write(response, withHeaders(answered, headers)).catch((error: unknown) => {
        // Its head is sent already, and it has been cut: that can only be logged.
        if (!hasLeft(error)) errorAnswer(error, requestId, control, message);
      });
    };

  const onSocket = listener((message) => callerOnSocket(message, main.host), false);
  const servers: AnyServer[] = [await listenOnSocket(socketPath, onSocket, replaces)];
  const close = async () => {
    await Promise.all(servers.map(closeServer));
  };
  try {
    const own = admin.listen;
    if (own?.startsWith('unix:')) {
      const onOwnSocket = listener((message) => callerOnListener(message, clients, null), true);
      const path = own.slice('unix:'.length);
      servers.push(await listenOnSocket(path, onOwnSocket, replaces, tls));
    } else if (own) {
      const address = hostAndPort(own);
      const socket = adminFd === null ? address : { fd: adminFd };
      const onPort = listener((message) => callerOnListener(message, clients, address.host), true);
      servers.push(await listenOnPort(onPort, socket, (peer) => clients.isProxy(peer), tls));
    }
  } catch (error) {
    await close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`admin.listen: ${reason}`, { cause: error });
  }
  const renewTls = (next: TlsMaterial) => {
    for (const server of servers) {
      if ('setSecureContext' in server) server.setSecureContext(contextOf(next));
    }
  };
  const [, own] = servers;
  const isPort = own !== undefined && !admin.listen?.startsWith('unix:');
  return { adminFd: isPort ? descriptorOf(own) : null, close, renewTls };
}

/** Runs work that is aborted when the client's connection closes. */
async function whileConnected<T>(
  { socket }: IncomingMessage,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const left = new AbortController();
  const onClose = () => left.abort();
  socket.once('close', onClose);
  try {
    return await work(left.signal);
  } finally {
    socket.off('close', onClose);
  }
}

const find = createRouter(routes);

const nobody: Identity = { actor: anonymous, role: 'viewer', key: null, session: null };

async function write(response: ServerResponse, answer: AdminAnswer): Promise<void> {
  const { status, headers, body } = answer;
  if (body instanceof Readable) {
    response.writeHead(status, { ...noSniff, ...headers });
    if (response.req.method !== 'HEAD') return await pipeline(body, response);
    body.destroy();
    response.end();
    return;
  }
  const raw = typeof body === 'string' || Buffer.isBuffer(body) || body === undefined;
  const text = raw ? (body ?? '') : hasLongList(body) ? await jsonText(body) : JSON.stringify(body);
  // Answers of the thread for documents may have many megabytes: those are not copied.
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const length = status === 204 || status === 304 ? {} : { 'content-length': bytes.length };
  const type = raw ? {} : jsonType;
  response.writeHead(status, { ...type, ...noSniff, ...length, ...headers }).end(bytes);
}

const noSniff = { 'x-content-type-options': 'nosniff' };

function hasLeft(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}

const jsonType = { 'content-type': 'application/json' };

function errorAnswer(
  error: unknown,
  requestId: string,
  { emit }: Control,
  { method = '', headers }: IncomingMessage,
): AdminAnswer {
  const known = knownError(error);
  if (known.code === 'internal_error') {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    emit({ type: 'request_failed', requestId, error: reason });
  }
  const { status, message } = known;
  if (wantsPage(method, headers.accept ?? '')) {
    const page = errorPage(status, message, requestId);
    return { status, headers: { ...pageHeaders, ...known.headers }, body: page };
  }
  return { status, headers: { ...jsonType, ...known.headers }, body: known.toBody() };
}

function knownError(error: unknown): GatewayError {
  if (error instanceof ConfigError) {
    return new GatewayError('invalid_configuration', error.message);
  }
  return isReplaced(error) ? replacedFiles() : toGatewayError(error);
}

function withHeaders(answer: AdminAnswer, headers: Record<string, string>): AdminAnswer {
  return { ...answer, headers: { ...headers, ...answer.headers } };
}
