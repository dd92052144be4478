import { randomBytes } from 'node:crypto';
import { chooseHost } from './choose-host.js';
import { connect, type Sql } from './client.js';
import { DatabaseError } from './database-error.js';
import { deadline } from './deadline.js';
import { explainDatabaseError } from './explain-error.js';

/** The channel that the triggers of the configuration's tables notify. */
const channel = 'llmproxy_config';
/** The channel for messages between daemons that are not stored. */
export const fleetChannel = 'llmproxy_fleet';
const firstRetryMs = 100;
const maxRetryMs = 5_000;

export interface ListenOptions {
  dbUrl: string;
  /**
   * Something may have changed. Called on each notification, and on every (re)LISTEN, since earlier
   * notifications may have been lost.
   */
  onChange: () => void;
  /** A message from a daemon; own messages come back too. */
  onMessage?: (text: string) => void;
  /** Called when the state changes. `reason` is one line without secrets. */
  onState: (state: 'listening' | 'lost', reason?: string) => void;
  /**
   * Interval of the test that notifications still arrive, and the longest time that one may take.
   */
  heartbeatMs?: number;
}

/**
 * Listens for changes on a connection of its own until closed. It reconnects at most every 5 s, for
 * as long as it takes. A notification to itself reveals a half-open connection, or a pooler that
 * swallows LISTEN, within two heartbeats. Never throws after it has started.
 */
export function listenForChanges(options: ListenOptions): { close(): Promise<void> } {
  const { onChange, onMessage = () => {}, onState, heartbeatMs = 10_000 } = options;
  const stop = new AbortController();
  let isLost = false;

  const run = async () => {
    let retryMs = firstRetryMs;
    while (!stop.signal.aborted) {
      const told = { onChange, onMessage };
      const reason = await listenOnce(options.dbUrl, heartbeatMs, stop.signal, told, () => {
        retryMs = firstRetryMs;
        isLost = false;
        onState('listening');
        onChange();
      });
      if (stop.signal.aborted) return;
      if (!isLost) onState('lost', reason);
      isLost = true;
      await pause(retryMs * (0.5 + Math.random() / 2), stop.signal);
      retryMs = Math.min(retryMs * 2, maxRetryMs);
    }
  };
  const running = run();
  return {
    async close() {
      stop.abort();
      await running;
    },
  };
}

/** The life of one connection. Resolves with the reason of its end. */
async function listenOnce(
  dbUrl: string,
  heartbeatMs: number,
  stop: AbortSignal,
  { onChange, onMessage }: Required<Pick<ListenOptions, 'onChange' | 'onMessage'>>,
  onListening: () => void,
): Promise<string> {
  const heartbeatChannel = `llmproxy_heartbeat_${randomBytes(6).toString('hex')}`;
  const closed = new AbortController();
  const ended = AbortSignal.any([stop, closed.signal]);
  let onBeat = () => {};
  let sql: Sql | undefined;
  try {
    const host = await chooseHost(dbUrl);
    const connection = connect(dbUrl, {
      host,
      max: 1,
      applicationName: 'llmproxy listener',
      onClose: () => closed.abort(),
      onNotify: (name, payload) => {
        if (name === channel) onChange();
        else if (name === fleetChannel) onMessage(payload);
        else onBeat();
      },
    });
    sql = connection;
    const beat = async () => {
      const arrived = new Promise<void>((resolve) => {
        onBeat = resolve;
      });
      const sent = connection`SELECT pg_notify(${heartbeatChannel}, '')`;
      await deadline(
        untilAborted(Promise.all([sent, arrived]), ended),
        heartbeatMs,
        'A notification to ourselves (a pooler in transaction mode cannot pass any on)',
      );
    };
    const listen = connection.unsafe(
      `LISTEN ${channel}; LISTEN ${fleetChannel}; LISTEN ${heartbeatChannel}`,
    );
    await deadline(untilAborted(listen, ended), Math.max(heartbeatMs, 6_000), 'LISTEN');
    await beat();
    onListening();
    while (!ended.aborted) {
      await pause(heartbeatMs, ended);
      if (!ended.aborted) await beat();
    }
    return 'The connection that listens for changes was closed';
  } catch (error) {
    return explainDatabaseError(error, dbUrl);
  } finally {
    await sql?.end({ timeout: 0 });
  }
}

/** Settles like `work`, or rejects when the signal comes first. */
function untilAborted<T>(work: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    // A query that fails closes its connection, and its own error must win.
    const onAbort = () =>
      setImmediate(() => reject(new DatabaseError('The connection was closed')));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).then(
      () => signal.removeEventListener('abort', onAbort),
      () => {},
    );
  });
}

/** Waits, or returns at once when the signal comes. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal.aborted) done();
    signal.addEventListener('abort', done, { once: true });
  });
}
