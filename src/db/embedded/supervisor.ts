import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { type Account, identity } from './account.js';

/** A server that ends with this process, however this process ends. */
export interface Supervised {
  /** Resolves when the server and its supervisor are gone. Never rejects. */
  ended: Promise<void>;
  hasEnded(): boolean;
  /** The last lines of the server's log. */
  logTail(): string;
  /**
   * `fast` ends the sessions of others; `smart` waits until they end. After `maxWaitMs` the
   * supervisor does the rest, and this process may end.
   */
  stop(mode: 'fast' | 'smart', maxWaitMs?: number): Promise<void>;
  hold: Hold;
}

/** Keeps a server running until every process that holds this has released it. */
export interface Hold {
  /** To pass on to another process: the pipe that keeps it running, and its log. */
  stdio: readonly [Writable, Readable];
  /** Releases it; another process must hold it too. */
  release(): void;
}

/** Descriptors of a `Hold` that another process has passed to this one. */
export interface PassedHold {
  control: number;
  log: number;
}

/**
 * The shell leads a session of its own, so that Ctrl-C reaches neither it nor the server. Its stdin
 * is a pipe that only we hold: the kernel closes it when we end, even by kill -9. Descriptor 3
 * keeps that pipe, because a command in the background gets /dev/null as stdin. The signal is
 * repeated, since a server that has just been started ignores it.
 */
const script = `
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
{
  signal=INT
  while read -r line; do [ "$line" = smart ] && signal=TERM; done
  while kill -s $signal $server; do sleep 1; done
} <&3 2>/dev/null &
watcher=$!
exec 3<&-
wait $server
status=$?
kill $watcher 2>/dev/null
wait $watcher 2>/dev/null
exit $status
`;

const maxTailChars = 4_000;

/** Starts `command` under a supervisor, as `account` if one is given. */
export function supervise(command: readonly string[], account: Account | null): Supervised {
  const child = spawn('/bin/sh', ['-c', script, 'llmproxy-postgres', ...command], {
    ...identity(account),
    cwd: '/',
    detached: true,
    env: { PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C' },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const { stdin, stderr } = child;
  return watch(stdin, stderr as unknown as Socket, {
    unref: () => child.unref(),
    onEnd: (end) => child.once('close', () => end()).once('error', ({ message }) => end(message)),
  });
}

/** A server whose hold another process has passed to this one. */
export function adopt({ control, log }: PassedHold): Supervised {
  const stdin = new Socket({ fd: control, readable: false, writable: true });
  const stderr = new Socket({ fd: log, readable: true, writable: false });
  // All processes of the server write to this log, so its end is the end of all of them.
  return watch(stdin, stderr, { unref() {}, onEnd: (end) => stderr.once('close', () => end()) });
}

interface Lifetime {
  unref(): void;
  onEnd(end: (reason?: string) => void): void;
}

function watch(stdin: Writable, stderr: Socket, { unref, onEnd }: Lifetime): Supervised {
  let tail = '';
  let hasEnded = false;
  stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-maxTailChars);
  });
  stderr.on('error', () => {});
  stdin.on('error', () => {});
  const ended = new Promise<void>((resolve) => {
    onEnd((reason = '') => {
      tail += reason;
      hasEnded = true;
      resolve();
    });
  });
  let leave = () => {};
  const left = new Promise<void>((resolve) => {
    leave = () => {
      unref();
      stderr.unref();
      resolve();
    };
  });
  return {
    ended,
    hasEnded: () => hasEnded,
    logTail: () => tail.trim(),
    async stop(mode, maxWaitMs) {
      if (hasEnded) return;
      stdin.end(mode === 'smart' ? 'smart\n' : '');
      const timer = maxWaitMs && setTimeout(leave, maxWaitMs);
      await Promise.race([ended, left]);
      clearTimeout(timer);
    },
    hold: {
      stdio: [stdin, stderr],
      release() {
        leave();
        stdin.destroy();
        stderr.destroy();
      },
    },
  };
}
