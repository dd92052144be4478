import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Counts, FromGenerator, Job, ToGenerator } from './messages.js';

/** The load generator, in its own process so that its work does not count as the target's. */
export interface Generator {
  start(job: Job): Promise<void>;
  /** The counts since `start` or the last mark. */
  mark(): Promise<Counts>;
  stop(): Promise<void>;
  /** Ends the process. */
  close(): Promise<void>;
}

export function startGenerator(): Generator {
  const child = fork(fileURLToPath(new URL('generator-process.js', import.meta.url)), {
    serialization: 'advanced',
  });
  return {
    start: async (job) => {
      await ask(child, { type: 'start', job });
    },
    mark: async () => {
      const answer = await ask(child, { type: 'mark' });
      if (answer.type !== 'counts') {
        throw new Error(`The load generator answered ${answer.type} to a mark`);
      }
      return answer.counts;
    },
    stop: async () => {
      await ask(child, { type: 'stop' });
    },
    close: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.disconnect();
        await once(child, 'exit');
      }
    },
  };
}

/** @throws Error when the process ends instead of answering. */
function ask(child: ChildProcess, message: ToGenerator): Promise<FromGenerator> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('The load generator ended unexpectedly'));
    child.once('exit', onExit);
    child.once('message', (answer: FromGenerator) => {
      child.off('exit', onExit);
      resolve(answer);
    });
    child.send(message);
  });
}
