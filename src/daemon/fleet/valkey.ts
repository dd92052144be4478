import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { certificateReason } from '../../db/certificate-errors.js';
import { deadline } from '../../db/deadline.js';
import { installedAt } from '../../db/queries/database-id.js';
import { withDeadline } from '../../db/with-deadline.js';
import type { Store } from '../store.js';

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
    const { client, failure } = await this.#opening;
    if (!client.isReady) {
      throw new Error(`${this.#name} does not answer: ${failure() ?? 'connecting'}`);
    }
    const sent = client.sendCommand([...command], { typeMapping });
    return await deadline(sent, this.#options.timeoutMs, this.#name);
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
    failure = reasonOf(error);
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

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (connection refused)',
  ECONNRESET: 'it closes the connection; if it expects TLS, the URL begins with rediss://',
  ENOTFOUND: 'the host name is unknown',
};

/** The reason for people; errors of a Valkey begin with a word in capitals. */
function reasonOf(error: Error): string {
  const code = String(Reflect.get(error, 'code') ?? '');
  const [word] = error.message.split(' ');
  if (word === 'WRONGPASS') return 'the user name or password is wrong';
  if (word === 'NOAUTH') return 'it wants a password: fleet.valkey_url has none';
  return reasons[code] ?? certificateReason(code, 'fleet.valkey_ca') ?? error.message;
}
