import { channel } from 'node:diagnostics_channel';
import { connect as connectTcp, type LookupFunction, type Socket } from 'node:net';
import {
  type ConnectionOptions,
  connect as connectTls,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls';
import type { HttpProxy } from '../../config/network/http-proxy.js';
import { ClientError } from './client-error.js';
import { openTunnel, proxyUnreachable } from './tunnel.js';

/** Publishes each new connection as `{ socket, tookMs }`, TLS included. */
export const connectedChannel = channel('llmproxy:client:connected');

const tcpKeepAliveMs = 60_000;

/** Destination and kind of a pool's connections. */
export interface Destination {
  /** `http:` or `https:`, with a port where it is not the scheme's own. */
  origin: string;
  /** Path of a unix socket to connect to instead. */
  socketPath?: string;
  connectTimeoutMs: number;
  lookup?: LookupFunction;
  /** A CA or a client's certificate, where they are not the system's. */
  tls?: SecureContextOptions;
  /** Connections to `https:` are tunnelled through it; for `http:` it takes the requests itself. */
  proxy?: HttpProxy | null;
  /** Resolves the proxy's name. */
  proxyLookup?: LookupFunction;
}

export type Opened = (error: Error | null, socket: Socket | null) => void;

/** Opens connections to one origin: TCP, a tunnel through a proxy, TLS, in one time limit. */
export class Connector {
  readonly url: URL;
  readonly #destination: Destination;
  readonly #protocols: string[];
  #session: Buffer | undefined;

  /** @param protocol offered by ALPN. */
  constructor(destination: Destination, protocol: 'http/1.1' | 'h2') {
    this.url = new URL(destination.origin);
    this.#destination = destination;
    this.#protocols = [protocol];
  }

  /**
   * Calls `opened` once, asynchronously.
   * @returns cancels.
   */
  open(opened: Opened): () => void {
    const { connectTimeoutMs, proxy, proxyLookup } = this.#destination;
    const beganMs = performance.now();
    const isTls = this.url.protocol === 'https:';
    let failure: Error = new ClientError('ERR_CLOSED', 'the connection was closed');
    let current: Socket;
    const timer = setTimeout(() => {
      current.destroy(new ClientError('ERR_CONNECT_TIMEOUT', 'connecting took too long'));
    }, connectTimeoutMs);
    /** Continues with `next` after `event`; if the socket ends before, that is the failure. */
    const step = (socket: Socket, event: string, next: () => void, explain = same) => {
      current = socket;
      const onError = (error: Error) => {
        failure = explain(error);
      };
      const onClose = () => {
        clearTimeout(timer);
        opened(failure, null);
      };
      socket.once('error', onError).once('close', onClose);
      socket.once(event, () => {
        socket.off('error', onError).off('close', onClose);
        next();
      });
    };
    const done = () => {
      clearTimeout(timer);
      if (connectedChannel.hasSubscribers) {
        connectedChannel.publish({ socket: current, tookMs: performance.now() - beganMs });
      }
      opened(null, current);
    };
    if (!proxy) {
      step(isTls ? this.#tls(this.#address()) : this.#tcp(), connectEvent(isTls), done);
    } else {
      const unreachable = (error: Error) => proxyUnreachable(proxy, error);
      const secure = () => step(this.#tls({ socket: current }), connectEvent(true), done);
      const tunnel = () => {
        openTunnel(current, this.#address(), proxy);
        step(current, 'tunnel', secure, unreachable);
      };
      step(
        connectProxy(proxy, proxyLookup),
        connectEvent(proxy.isTls),
        isTls ? tunnel : done,
        unreachable,
      );
    }
    return () => current.destroy();
  }

  #tcp(): Socket {
    const { socketPath } = this.#destination;
    return connectTcp(socketPath ? { path: socketPath } : this.#address());
  }

  #tls(over: ConnectionOptions): TLSSocket {
    const socket = connectTls({
      ...over,
      ...this.#destination.tls,
      ...serverName(this.url.hostname),
      ALPNProtocols: this.#protocols,
      session: this.#session,
    });
    socket.on('session', (session) => {
      this.#session = session;
    });
    return socket;
  }

  #address() {
    const { hostname, port, protocol } = this.url;
    return {
      ...socketOptions,
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port) || (protocol === 'https:' ? 443 : 80),
      ...(this.#destination.lookup && { lookup: this.#destination.lookup }),
    };
  }
}

const socketOptions = {
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: tcpKeepAliveMs,
  autoSelectFamily: true,
};

function connectProxy({ isTls, hostname: host, port }: HttpProxy, lookup?: LookupFunction): Socket {
  const options = { ...socketOptions, host, port, ...(lookup && { lookup }) };
  return isTls ? connectTls({ ...options, ...serverName(host) }) : connectTcp(options);
}

function connectEvent(isTls: boolean): string {
  return isTls ? 'secureConnect' : 'connect';
}

/** An address is not a server name (RFC 6066, section 3). */
function serverName(hostname: string): { servername?: string } {
  return /^[\d.]+$|:/.test(hostname) ? {} : { servername: hostname };
}

function same(error: Error): Error {
  return error;
}
