import { type ChildProcess, spawn } from 'node:child_process';
import { after } from 'node:test';
import { executable } from '../cli/llmproxy.js';
import { isRunning, until } from './until.js';

/** One line of the daemon's log. */
export interface LogLine {
  event: string;
  level: string;
  message: string;
  [field: string]: unknown;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A running `llmproxy serve`, ready or not. */
export interface DaemonProcess {
  readonly pid: number;
  /** The log up to now. */
  readonly logs: readonly LogLine[];
  /** Everything written to standard output and error. */
  output(): string;
  /**
   * Resolves with the first line of this event that matches, at or after line `from` of the log.
   * @throws Error after a minute, or when the daemon has ended without one.
   */
  waitFor(event: string, matches?: (line: LogLine) => boolean, from?: number): Promise<LogLine>;
  /** Process ids of the workers that have not ended. */
  workerPids(): number[];
  readonly exited: Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
  /** Ends all of its processes, in any state. */
  end(): Promise<void>;
}

const patienceMs = 60_000;
const stopMs = 5_000;

// A failing hook skips the later ones; a daemon left behind would keep this process alive.
const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill('SIGKILL');
});

/**
 * Starts the real CLI in its own process.
 * @param listenFd descriptor of a socket, passed as systemd does.
 * @param program another `bin/llmproxy.js` than this build's.
 */
export function spawnDaemon(
  args: string[],
  cwd: string,
  env: Record<string, string>,
  listenFd: number | null = null,
  program = executable,
): DaemonProcess {
  const command = [process.execPath, program, 'serve', '--json', ...args];
  // The variable must hold the id of the process that the socket is for.
  const shell = ['sh', '-c', 'LISTEN_PID=$$ exec "$0" "$@"', ...command];
  const [file = '', ...rest] = listenFd === null ? command : shell;
  const child = spawn(file, rest, {
    cwd,
    env: listenFd === null ? env : { ...env, LISTEN_FDS: '1' },
    stdio: ['ignore', 'pipe', 'pipe', ...(listenFd === null ? [] : [listenFd])],
  });
  children.add(child);
  const logs: LogLine[] = [];
  let watchers: (() => void)[] = [];
  let text = '';
  let partial = '';
  let exit: Exit | null = null;
  const notify = () => {
    for (const watcher of [...watchers]) watcher();
  };
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    const lines = (partial + piece).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) logs.push(JSON.parse(line) as LogLine);
    notify();
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      exit = { code, signal };
      notify();
    });
    // Emitted after the end of its output, which a process left behind may hold open.
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const workerPids = () => {
    const pids = new Set<number>();
    for (const { event, pid } of logs) {
      if (event === 'worker_started') pids.add(Number(pid));
      if (event === 'worker_exited') pids.delete(Number(pid));
    }
    return [...pids];
  };

  return {
    pid: child.pid ?? 0,
    logs,
    output: () => text,
    exited,
    workerPids,
    kill: (signal) => void child.kill(signal),
    waitFor(event, matches = () => true, from = 0) {
      return new Promise((resolve, reject) => {
        const settle = (act: () => void) => {
          clearTimeout(timer);
          watchers = watchers.filter((watcher) => watcher !== check);
          act();
        };
        const fail = (why: string) =>
          settle(() => reject(new Error(`no ${event} in the log ${why}:\n${text.slice(-4_000)}`)));
        const timer = setTimeout(() => fail(`within ${patienceMs} ms`), patienceMs);
        const check = () => {
          const found = logs.slice(from).find((line) => line.event === event && matches(line));
          if (found) settle(() => resolve(found));
          else if (exit) exited.then(() => fail('and the daemon has ended'), reject);
        };
        watchers.push(check);
        check();
      });
    },
    async end() {
      if (!exit) {
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
        await new Promise((resolve) => (exit ? resolve(exit) : child.once('exit', resolve)));
        clearTimeout(timer);
      }
      for (const pid of workerPids()) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
      await until('the end of the workers', () => !workerPids().some(isRunning));
    },
  };
}
