import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The processes of the daemon of one data directory, as recorded there in `workers.json`. */
export interface Processes {
  control: ProcessIdentity;
  version: string;
  /** See `buildOnDisk`; absent from older versions. */
  build?: string | null;
  host: string;
  port: number;
  /** `embedded`, or host, port and name of the operator's. */
  database: string;
  /** True if other workers of ours may open the port besides these (SO_REUSEPORT). */
  sharesPort: boolean;
  workers: ProcessIdentity[];
  /** Reason and time of the last failed change of version; wall clock, milliseconds. */
  upgradeFailed: { at: number; reason: string } | null;
}

/** A process id and when it began, in ticks since the machine's start: no other has both. */
export interface ProcessIdentity {
  pid: number;
  /** Null where there is no /proc to tell. */
  started: number | null;
}

/** Maintains the file; after a crash of the control process it lists the workers left behind. */
export class ProcessesFile {
  readonly #file: string;
  #content: Processes | null = null;

  constructor(dataDir: string) {
    this.#file = fileIn(dataDir);
  }

  /** Merges changes into the file, since another process may have written to it. */
  update(change: Partial<Processes>): void {
    const before = this.#content ?? {
      control: identityOf(process.pid),
      version: '',
      host: '',
      port: 0,
      database: '',
      sharesPort: true,
      workers: [],
      upgradeFailed: null,
    };
    this.#content = { ...before, ...change };
    const temporary = `${this.#file}.${process.pid}`;
    try {
      rmSync(temporary, { force: true });
      writeFileSync(temporary, `${JSON.stringify(this.#content)}\n`, { mode: 0o600, flag: 'wx' });
      renameSync(temporary, this.#file);
    } catch {
      // A full disk must not stop the daemon; the file serves only `upgrade` and crashes.
    }
  }

  /** Removes the file, unless another control process owns it by now. */
  remove(): void {
    if (readFile(this.#file)?.control.pid === process.pid) rmSync(this.#file, { force: true });
  }
}

/** The content of the file; null if it is missing or unreadable. */
export function readProcesses(dataDir: string): Processes | null {
  return readFile(fileIn(dataDir));
}

/**
 * The file of a daemon whose control process is gone while its workers still serve on this address.
 */
export function findOrphans(
  dataDir: string,
  { host, port }: Pick<Processes, 'host' | 'port'>,
): Processes | null {
  const left = readProcesses(dataDir);
  if (left?.host !== host || left.port !== port) return null;
  return left.workers.some(isSame) ? left : null;
}

/** Drains the workers left behind by an earlier control process. */
export function endOrphans({ workers }: Processes): void {
  for (const worker of workers.filter(isSame)) {
    try {
      process.kill(worker.pid, 'SIGUSR2');
    } catch {
      // It has ended since.
    }
  }
}

/** True if the process with this identity is still running. */
export function isSame({ pid, started }: ProcessIdentity): boolean {
  return started !== null && identityOf(pid).started === started;
}

export function identityOf(pid: number): ProcessIdentity {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold anything. A zombie has ended.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, started: fields[0] === 'Z' ? null : Number(fields[19]) };
  } catch {
    return { pid, started: null };
  }
}

function fileIn(dataDir: string): string {
  return join(dataDir, 'workers.json');
}

function readFile(file: string): Processes | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}
