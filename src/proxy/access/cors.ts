import type { Duplex } from 'node:stream';
import type { Exchange } from '../../server/exchange.js';
import { isControl } from '../request/route.js';

/** Lifetime of a preflight answer, in seconds; no browser keeps one for longer. */
const preflightSeconds = '7200';

/** Compiles `server.cors_origins`; null: no page of another origin may read answers. */
export function compileOrigins(origins: readonly string[]): ((origin: string) => boolean) | null {
  if (origins.length === 0) return null;
  if (origins.includes('*')) return () => true;
  const allowed = new Set(origins.map((origin) => origin.toLowerCase()));
  return (origin) => allowed.has(origin.toLowerCase());
}

/**
 * A request of a page of another origin; its answers permit the browser to show them to the page.
 * Keys are always sent explicitly, never by the browser itself, so cookies are not allowed.
 */
export class CorsExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: readonly string[];
  readonly upgradeTo: string;
  readonly #exchange: Exchange;
  readonly #more: readonly string[];

  constructor(exchange: Exchange, origin: string) {
    this.#exchange = exchange;
    this.method = exchange.method;
    this.path = exchange.path;
    this.query = exchange.query;
    this.headers = exchange.headers;
    this.upgradeTo = exchange.upgradeTo;
    this.#more = [
      ...['access-control-allow-origin', origin, 'access-control-expose-headers', '*'],
      ...['vary', 'origin'],
    ];
  }

  get remoteAddress(): string {
    return this.#exchange.remoteAddress;
  }

  get aborted(): boolean {
    return this.#exchange.aborted;
  }

  get headSent(): boolean {
    return this.#exchange.headSent;
  }

  get bufferedBytes(): number {
    return this.#exchange.bufferedBytes;
  }

  header(name: string): string {
    return this.#exchange.header(name);
  }

  readBody(maxBytes: number, onPiece?: (piece: Buffer) => void, keeps?: boolean): Promise<Buffer> {
    return this.#exchange.readBody(maxBytes, onPiece, keeps);
  }

  takeBody(maxBytes: number): Buffer | null {
    return this.#exchange.takeBody?.(maxBytes) ?? null;
  }

  pauseBody(): void {
    this.#exchange.pauseBody();
  }

  resumeBody(): void {
    this.#exchange.resumeBody();
  }

  onAbort(callback: () => void): void {
    this.#exchange.onAbort(callback);
  }

  respond(status: number, headers: readonly string[], body: string | Buffer): void {
    this.#exchange.respond(status, [...headers, ...this.#more], body);
  }

  writeHead(status: number, headers: readonly string[]): void {
    this.#exchange.writeHead(status, [...headers, ...this.#more]);
  }

  write(chunk: Buffer): boolean {
    return this.#exchange.write(chunk);
  }

  onWritable(callback: () => void): void {
    this.#exchange.onWritable(callback);
  }

  end(): void {
    this.#exchange.end();
  }

  upgrade(headers: readonly string[]): Duplex {
    return this.#exchange.upgrade(headers);
  }

  destroy(): void {
    this.#exchange.destroy();
  }
}

/** Wraps the exchange of a page whose origin is allowed, except at the control process. */
export function withOrigin(exchange: Exchange, allows: (origin: string) => boolean): Exchange {
  const origin = exchange.header('origin');
  if (origin === '' || !allows(origin) || isControl(exchange.path)) return exchange;
  return new CorsExchange(exchange, origin);
}

/** Headers that answer a CORS preflight; null if the request is not one. */
export function preflightHeaders(exchange: Exchange): readonly string[] | null {
  if (!(exchange instanceof CorsExchange) || exchange.method !== 'OPTIONS') return null;
  if (exchange.header('access-control-request-method') === '') return null;
  const asked = exchange.header('access-control-request-headers');
  return [
    ...['access-control-allow-methods', 'GET, POST, DELETE'],
    ...['access-control-allow-headers', asked === '' ? '*' : asked],
    ...['access-control-max-age', preflightSeconds],
  ];
}
