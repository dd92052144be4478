import type { Daemon } from './daemon.js';
import { isRunning, until } from './until.js';

/** Sends SIGUSR2; resolves with the process id of the daemon that has taken over. */
export async function upgrade(daemon: Daemon, pid = daemon.pid): Promise<number> {
  const from = daemon.logs.length;
  process.kill(pid, 'SIGUSR2');
  return Number((await daemon.waitFor('upgraded', () => true, from)).pid);
}

/** Stops a control process that is not a child of the test, and waits for its end. */
export async function stopProcess(pid: number): Promise<void> {
  if (isRunning(pid)) process.kill(pid, 'SIGTERM');
  await until('the end of the successor', () => !isRunning(pid), 10_000);
}
