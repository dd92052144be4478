import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { deadline } from '../../db/deadline.js';
import { installedAt } from '../../db/queries/database-id.js';
import { withDeadline } from '../../db/with-deadline.js';
import type { LeaseStore } from '../../limits/lease-store.js';
import type { Store } from '../store.js';
import { takeScript } from './valkey-script.js';

const connectTimeoutMs = 2_000;
const maxRetryMs = 1_000;
const scriptHash = createHash('sha1').update(takeScript).digest('hex');

interface ValkeyOptions {
  /** `redis://`, `rediss://`, or the same with `valkey`. */
  url: string;
  /** File with certificates of authorities. */
  ca: string | null;
  /** For one command. */
  timeoutMs: number;
  /** Identifies the database of the daemons: several databases may use one Valkey. */
  store: Pick<Store, 'sql'>;
  /** Id of this daemon. */
  daemon: string;
}

/** Leases in a Valkey or Redis, by one script; the client is loaded when it is first needed. */
export function valkeyLeases(options: ValkeyOptions): LeaseStore {
  const { url, timeoutMs, store, daemon } = options;
  const name = `Valkey at ${new URL(url).host}`;
  let opening: ReturnType<typeof connect> | null = null;
  let prefix: string | null = null;
  const send = async (command: readonly string[]) => {
    opening ??= connect(options).catch((error) => {
      opening = null;
      throw error;
    });
    const { client, failure } = await opening;
    if (!client.isReady) throw new Error(`${name} does not answer: ${failure() ?? 'connecting'}`);
    return await deadline(client.sendCommand([...command]), timeoutMs, name);
  };
  // Braces: all keys are on one node of a cluster.
  const keyOf = async (key: string) => {
    prefix ??= `{llmproxy:${await withDeadline(store.sql, timeoutMs, 'A query', installedAt)}}:`;
    return prefix + key;
  };
  return {
    async take(wanted, dead) {
      const names = ['members', 'clock', ...wanted.map((each) => `limit:${each.name}`)];
      const keys = await Promise.all(names.map(keyOf));
      const values = [daemon, JSON.stringify(dead), JSON.stringify(wanted)];
      const rest = [String(keys.length), ...keys, ...values];
      const answer = await send(['EVALSHA', scriptHash, ...rest]).catch((error: Error) => {
        if (!error.message.startsWith('NOSCRIPT')) throw error;
        return send(['EVAL', takeScript, ...rest]);
      });
      const { size, rank, grants } = JSON.parse(String(answer));
      return { size, rank, grants: wanted.map((each, i) => ({ name: each.name, ...grants[i] })) };
    },
    async leave() {
      await send(['HDEL', await keyOf('members'), daemon]);
    },
    async close() {
      (await opening)?.client.destroy();
    },
  };
}

/** Connects, and reconnects as often as needed; commands fail meanwhile. */
async function connect({ url, ca, timeoutMs }: ValkeyOptions) {
  const { createClient } = await import('@redis/client');
  let failure: string | null = null;
  const isTls = /^(rediss|valkeys):/.test(url);
  const client = createClient({
    url: url.replace(/^valkey(s?):/, 'redis$1:'),
    disableOfflineQueue: true,
    socket: {
      connectTimeout: connectTimeoutMs,
      reconnectStrategy: (retries: number) => Math.min(50 * (retries + 1), maxRetryMs),
      ...(isTls && { tls: true as const }),
      ...(isTls && ca !== null && { ca: readFileSync(ca) }),
    },
  });
  client.on('error', (error: Error) => {
    failure = error.message;
  });
  const connected = client.connect().catch(() => {});
  await deadline(connected, timeoutMs, 'Connecting').catch(() => {});
  return { client, failure: () => failure };
}
