import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { type Account, identity } from './account.js';

/** A server that ends with this process, whatever ends this process. */
export interface Supervised {
  /** Resolves when the server and its supervisor are gone. Never rejects. */
  ended: Promise<void>;
  hasEnded(): boolean;
  /** The last of what the server wrote to its log. */
  logTail(): string;
  /**
   * Fast ends the sessions of others; smart waits until they have ended by themselves. After
   * `maxWaitMs` the rest is left to the supervisor, and does not keep this process.
   */
  stop(mode: 'fast' | 'smart', maxWaitMs?: number): Promise<void>;
}

/**
 * The shell leads a session of its own, so that Ctrl-C reaches neither it nor the server. Its
 * stdin is a pipe that only we hold: the kernel closes it when we end, even by kill -9.
 * Descriptor 3 keeps that pipe, because a command in the background gets /dev/null as stdin. The
 * signal is repeated, for a server that has just been started does not heed it yet.
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

/** Starts `command` under a supervisor, as `account` where one is given. */
export function supervise(command: readonly string[], account: Account | null): Supervised {
  const child = spawn('/bin/sh', ['-c', script, 'llmproxy-postgres', ...command], {
    ...identity(account),
    cwd: '/',
    detached: true,
    env: { PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C' },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let tail = '';
  let hasEnded = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-maxTailChars);
  });
  child.stdin.on('error', () => {});
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      hasEnded = true;
      resolve();
    };
    child.once('close', end);
    child.once('error', (error) => {
      tail += error.message;
      end();
    });
  });
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = () => {
      for (const handle of [child, child.stderr as unknown as Socket]) handle.unref();
      resolve();
    };
  });
  return {
    ended,
    hasEnded: () => hasEnded,
    logTail: () => tail.trim(),
    async stop(mode, maxWaitMs) {
      if (hasEnded) return;
      child.stdin.end(mode === 'smart' ? 'smart\n' : '');
      const timer = maxWaitMs && setTimeout(release, maxWaitMs);
      await Promise.race([ended, released]);
      clearTimeout(timer);
    },
  };
}
