import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Also how long two control processes' limits may overlap, so a successor waits longer. */
export const orphanPollMs = 100;

/**
 * For a worker whose control process is gone: resolves when another one listens on the control
 * socket, or when none did in `graceMs`.
 */
export async function untilReplaced(controlSocket: string, graceMs: number): Promise<void> {
  const giveUpAt = performance.now() + graceMs;
  while (!(await answers(controlSocket))) {
    if (performance.now() > giveUpAt) return;
    await pause(orphanPollMs);
  }
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const done = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });
}
