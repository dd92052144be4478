import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Agent, request } from 'undici';
import { hideSecrets } from '../hide-secrets.js';

/** An OTLP receiver, and how it is reached. */
export interface OtlpTarget {
  /** URL for one signal, such as `http://localhost:4318/v1/traces`. */
  url: string;
  /** Read before each export, so that a token may change. @throws Error naming what cannot be read. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** PEM; read for each new connection. @throws Error naming what cannot be read. */
  tls(): Promise<Readonly<Partial<Record<'ca' | 'cert' | 'key', string>>>>;
  timeoutMs: number;
  gzips: boolean;
}

/** The answer of a receiver. `retry`: it may accept the same later. */
export type Posted =
  | { outcome: 'taken'; body: Buffer }
  | { outcome: 'retry'; reason: string; afterMs: number | null }
  | { outcome: 'refused'; reason: string };

/** OTLP/HTTP: the only statuses with which an export may be repeated. */
const retryable = new Set([429, 502, 503, 504]);
const maxAnswerBytes = 65_536;
const zip = promisify(gzip);

/** Sends exports to one receiver over a kept-alive connection. */
export class OtlpSender {
  readonly #target: OtlpTarget;
  #agent: Agent | null = null;
  /** Values of the headers last sent. */
  #secrets: readonly string[] = [];

  constructor(target: OtlpTarget) {
    this.#target = target;
  }

  /** @param signal aborts, as a retryable failure. */
  async post(body: Uint8Array, signal?: AbortSignal): Promise<Posted> {
    const { url, headers, timeoutMs, gzips } = this.#target;
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const own = await headers();
      this.#secrets = Object.values(own);
      const answer = await request(url, {
        method: 'POST',
        headers: {
          ...own,
          'content-type': 'application/x-protobuf',
          ...(gzips && { 'content-encoding': 'gzip' }),
        },
        body: gzips ? await zip(body) : body,
        dispatcher: await this.#dispatcher(),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      const { statusCode: status } = answer;
      const text = await readSome(answer.body);
      if (status >= 200 && status < 300) return { outcome: 'taken', body: text };
      const reason = `it answers ${status}`;
      if (!retryable.has(status)) return { outcome: 'refused', reason };
      return { outcome: 'retry', reason, afterMs: retryAfterMs(answer.headers['retry-after']) };
    } catch (error) {
      // Files of certificates may have changed.
      await this.close();
      const reason = timeout.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error);
      return { outcome: 'retry', reason, afterMs: null };
    }
  }

  /** A reason to show: some receivers repeat the token that they refuse. */
  shown(reason: string): string {
    return hideSecrets(reason, this.#secrets);
  }

  async close(): Promise<void> {
    const agent = this.#agent;
    this.#agent = null;
    await agent?.destroy();
  }

  async #dispatcher(): Promise<Agent> {
    this.#agent ??= new Agent({ connect: { ...(await this.#target.tls()) }, connections: 1 });
    return this.#agent;
  }
}

async function readSome(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > maxAnswerBytes) break;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** RFC 9110: seconds, or a date. */
function retryAfterMs(header: string | string[] | undefined): number | null {
  if (typeof header !== 'string') return null;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

/** Errors of connections to several addresses have no message of their own. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, code } = error as Error & { code?: string };
  return message || code || error.name;
}
