import { readdirSync, readFileSync } from 'node:fs';

/** Resources used by a process and its descendants, without any Postgres. */
export interface TreeUsage {
  /** User and system time since they started, including children that have ended. */
  cpuUs: number;
  /** The part of the first process, which is the control process of a gateway. */
  controlUs: number;
  /** The part of all that was spent in the kernel. */
  kernelUs: number;
  /** Proportional set size: a page that processes share counts once. */
  pssBytes: number;
}

interface Entry {
  pid: number;
  parent: number;
  name: string;
  ticks: number;
  kernelTicks: number;
  /** Ticks of children that have ended. */
  reapedTicks: number;
}

/** One clock tick of /proc/<pid>/stat: USER_HZ is 100 on all Linux architectures. */
const tickUs = 10_000;

/** Reads the usage of this process and its descendants from /proc. */
export function treeUsage(rootPid: number): TreeUsage {
  const entries = readProcesses();
  const usage = { cpuUs: 0, controlUs: 0, kernelUs: 0, pssBytes: 0 };
  add(rootPid);
  return usage;

  function add(pid: number): void {
    const entry = entries.get(pid);
    if (entry === undefined || entry.name.startsWith('postgres')) {
      return;
    }
    usage.cpuUs += (entry.ticks + entry.reapedTicks) * tickUs;
    usage.kernelUs += entry.kernelTicks * tickUs;
    if (pid === rootPid) usage.controlUs = entry.ticks * tickUs;
    usage.pssBytes += readPss(pid);
    for (const { pid: child, parent } of entries.values()) {
      if (parent === pid) {
        add(child);
      }
    }
  }
}

function readProcesses(): Map<number, Entry> {
  const entries = new Map<number, Entry>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readOrNull(`/proc/${name}/stat`) : null;
    if (stat !== null) {
      const entry = parseStat(stat);
      entries.set(entry.pid, entry);
    }
  }
  return entries;
}

/** Fields as in proc_pid_stat(5); the name in parentheses may itself contain any character. */
function parseStat(stat: string): Entry {
  const open = stat.indexOf('(');
  const close = stat.lastIndexOf(')');
  // Field 3 (state) is at index 0 from here.
  const fields = stat.slice(close + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  return {
    pid: Number(stat.slice(0, open)),
    parent: field(4),
    name: stat.slice(open + 1, close),
    ticks: field(14) + field(15),
    kernelTicks: field(15),
    reapedTicks: field(16) + field(17),
  };
}

function readPss(pid: number): number {
  const sizes = readOrNull(`/proc/${pid}/smaps_rollup`) ?? '';
  return Number(/^Pss:\s+(\d+) kB/m.exec(sizes)?.[1] ?? 0) * 1024;
}

/** Null when the process has ended in the meantime. */
function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}

/** User and system time of all threads of a process that still run, without its children. */
export function ranUs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => {
    const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
    return sum + Number.parseInt(text, 10) / 1_000;
  }, 0);
}
