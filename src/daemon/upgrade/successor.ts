import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Stream } from 'node:stream';
import type { Hold } from '../../db/embedded/supervisor.js';
import {
  type AdminListener,
  type FromSuccessor,
  type Inheritance,
  type ToSuccessor,
  takeoverVariable,
} from './takeover.js';

/** The control process that replaces this one, and serves. */
export interface Successor {
  pid: number;
  version: string;
}

interface SuccessorOptions {
  port: number;
  /** Descriptor of the socket that workers accept from, to be passed on. */
  listenFd: number | null;
  /** To be passed on too. */
  admin: AdminListener | null;
  /** Descriptor that keeps the embedded Postgres running, to be passed on. */
  hold: Hold | null;
  /** Called before the new one starts its workers: from then on no token is added here. */
  freeze: () => Promise<void>;
  /** Aborted when this daemon begins to stop: then there is nothing to replace. */
  stopping: AbortSignal;
}

/** The embedded Postgres, the configuration, the workers: all of it together takes a second or so. */
const maxStartMs = 60_000;
const inherited = ['inherit', 'inherit', 'inherit', 'ipc'] as const;
const [holdFd, logFd] = [4, 5];

/**
 * Starts the code now on disk beside this process, with the same arguments and environment.
 * Resolves when it serves.
 * @throws Error saying why it does not; it is gone then, and nothing has changed here.
 */
export async function startSuccessor(options: SuccessorOptions): Promise<Successor> {
  const { port, listenFd, admin, hold, freeze, stopping } = options;
  refuseWherePointless();
  const stdio: (number | 'inherit' | 'ipc' | Stream)[] = [...inherited, ...(hold?.stdio ?? [])];
  /** Passes it on; returns its number there. */
  const pass = (fd: number) => stdio.push(fd) - 1;
  const inheritance: Inheritance = {
    port,
    listenFd: listenFd === null ? null : pass(listenFd),
    admin: admin && { ...admin, fd: pass(admin.fd) },
    pid: process.pid,
    postgres: hold ? { control: holdFd, log: logFd } : null,
  };
  const { WATCHDOG_PID: _own, ...environment } = process.env;
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    env: { ...environment, [takeoverVariable]: JSON.stringify(inheritance) },
    stdio,
    serialization: 'advanced',
    // It outlives this process, and the terminal's job that this one is.
    detached: true,
  });
  try {
    const version = await serving(child, freeze, stopping);
    child.unref();
    return { pid: child.pid ?? 0, version };
  } catch (error) {
    // Its workers see that its place is taken, and drain.
    child.kill('SIGKILL');
    throw error;
  }
}

function serving(
  child: ChildProcess,
  freeze: SuccessorOptions['freeze'],
  stopping: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      clearTimeout(timer);
      reject(new Error(reason));
    };
    const timer = setTimeout(
      () => fail(`it did not serve within ${maxStartMs / 1000} s`),
      maxStartMs,
    );
    stopping.addEventListener('abort', () => fail('the daemon was told to stop'));
    child.once('error', ({ message }) => fail(`it cannot be started: ${message}`));
    child.once('exit', (code, signal) =>
      fail(`it ended before it served (${signal ?? `exit code ${code}`}); its log says why`),
    );
    child.on('message', (message: FromSuccessor) => {
      if (message.type === 'failed') fail(message.reason);
      else if (message.type === 'ready') {
        clearTimeout(timer);
        resolve(message.version);
      } else {
        const frozen: ToSuccessor = { type: 'frozen' };
        freeze().then(() => child.connected && child.send(frozen), reject);
      }
    });
  });
}

/** A successor is useless where the end of this process ends its children too. */
function refuseWherePointless(): void {
  const first = process.pid === 1 || (process.ppid === 1 && isContainerInit());
  if (!first) return;
  throw new Error(
    'this is the main process of a container, which ends with it: start a container of the new ' +
      'image beside this one, then stop this one',
  );
}

function isContainerInit(): boolean {
  try {
    const name = readFileSync('/proc/1/comm', 'utf8').trim();
    return ['tini', 'docker-init', 'dumb-init', 'catatonit', 's6-svscan'].includes(name);
  } catch {
    return false;
  }
}
