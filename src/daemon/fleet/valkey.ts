import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { deadline } from '../../db/deadline.js';
import { installedAt } from '../../db/queries/database-id.js';
import { withDeadline } from '../../db/with-deadline.js';
import type { Store } from '../store.js';
import { valkeyReason } from './valkey-reason.js';

const connectTimeoutMs = 2_000;
const maxRetryMs = 1_000;

export interface ValkeyOptions {
  /** `redis://`, `rediss://`, or the same with `valkey`. */
  url: string;
  /** File with certificates of authorities. */
  ca: string | null;
  /** For one command. */
  timeoutMs: number;
  /** Database of the daemons: several databases may use one Valkey. Absent: `keyOf` fails. */
  store?: Pick<Store, 'sql'>;
}

/** A script of a Valkey. */
export interface ValkeyScript {
  readonly text: string;
  readonly hash: string;
}

export function valkeyScript(text: string): ValkeyScript {
  return { text, hash: createHash('sha1').update(text).digest('hex') };
}

type Argument = string | Buffer;

/** A Valkey or Redis; the client is loaded, and connects, with the first command. */
export class Valkey {
  readonly #options: ValkeyOptions;
  readonly #name: string;
  #opening: ReturnType<typeof connect> | null = null;
  #prefix: string | null = null;

  constructor(options: ValkeyOptions) {
    this.#options = options;
    this.#name = `Valkey at ${new URL(options.url).host}`;
  }

  /**
   * @returns texts of the answer as bytes.
   * @throws Error where it does not answer in time.
   */
  async sendForBytes(command: readonly Argument[]): Promise<unknown> {
    const { RESP_TYPES } = await import('@redis/client');
    return this.#send(command, { [RESP_TYPES.BLOB_STRING]: Buffer });
  }

  /** @throws Error where it does not answer in time. */
  send(command: readonly Argument[]): Promise<unknown> {
    return this.#send(command, {});
  }

  /** @throws Error where it does not answer in time. */
  async run(
    { text, hash }: ValkeyScript,
    keys: readonly string[],
    values: readonly Argument[],
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...values];
    return await this.send(['EVALSHA', hash, ...rest]).catch((error: Error) => {
      if (!error.message.startsWith('NOSCRIPT')) throw error;
      return this.send(['EVAL', text, ...rest]);
    });
  }

  /** The whole name of a key: installations share nothing. Braces keep all on one node of a cluster. */
  async keyOf(name: string): Promise<string> {
    const { store, timeoutMs } = this.#options;
    if (!store) throw new Error('The keys of a Valkey are named by a database');
    const named = () => withDeadline(store.sql, timeoutMs, 'A query', installedAt);
    this.#prefix ??= `{llmproxy:${await named()}}:`;
    return this.#prefix + name;
  }

  async close(): Promise<void> {
    (await this.#opening)?.client.destroy();
  }

  async #send(command: readonly Argument[], typeMapping: object): Promise<unknown> {
    this.#opening ??= connect(this.#options).catch((error) => {
      this.#opening = null;
      throw error;
    });
    const opening = this.#opening;
    const { client, failure } = await opening;
    if (!client.isReady) {
      throw new Error(`${this.#name} does not answer: ${failure() ?? 'connecting'}`);
    }
    const sent = client.sendCommand([...command], { typeMapping });
    return await deadline(sent, this.#options.timeoutMs, this.#name).catch((error: Error) => {
      // After a failover the name of the host may lead to another server.
      if (error.message.startsWith('READONLY') && this.#opening === opening) {
        this.#opening = null;
        client.destroy();
      }
      throw this.#explained(error);
    });
  }

  /** `run` looks for `NOSCRIPT`; other errors of the server are for people. */
  #explained(error: Error): Error {
    const reason = valkeyReason(error);
    if (reason === error.message) return error;
    return new Error(`${this.#name} refuses: ${reason}`, { cause: error });
  }
}

/** Connects, again and again where it must; commands fail meanwhile. */
async function connect({ url, ca, timeoutMs }: ValkeyOptions) {
  const { createClient } = await import('@redis/client');
  const isTls = /^(rediss|valkeys):/.test(url);
  let failure: string | null = isTls ? 'no TLS connection yet' : null;
  const client = createClient({
    url: url.replace(/^valkey(s?):/, 'redis$1:'),
    disableOfflineQueue: true,
    socket: {
      connectTimeout: connectTimeoutMs,
      reconnectStrategy: (retries: number) => Math.min(50 * (retries + 1), maxRetryMs),
      ...(isTls && { tls: true as const }),
      ...(isTls && ca !== null && { ca: readAuthorities(ca) }),
    },
  });
  client.on('error', (error: Error) => {
    failure = valkeyReason(error);
  });
  const connected = client.connect().catch(() => {});
  await deadline(connected, timeoutMs, 'Connecting').catch(() => {});
  return { client, failure: () => failure };
}

/** @throws Error that names the setting. */
function readAuthorities(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`Cannot read fleet.valkey_ca ${file}: ${(error as Error).message}`);
  }
}
