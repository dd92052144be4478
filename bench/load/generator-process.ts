/** The process that generates the load, controlled by messages; it ends with its parent. */
import { runClosedLoop } from './closed-loop.js';
import type { FromGenerator, Job, ToGenerator } from './messages.js';
import { runOpenLoop } from './open-loop.js';
import { createRecorder } from './recorder.js';

const recorder = createRecorder();
let stop: (() => void) | null = null;

process.on('message', (message: ToGenerator) => {
  switch (message.type) {
    case 'start':
      recorder.mark();
      stop = start(message.job);
      return reply({ type: 'started' });
    case 'mark':
      return reply({ type: 'counts', counts: recorder.mark() });
    case 'stop':
      stop?.();
      stop = null;
      return reply({ type: 'stopped' });
  }
});
process.on('disconnect', () => process.exit());
// Ctrl-C reaches the whole group; the parent decides when this ends.
process.on('SIGINT', () => {});

function start(job: Job): () => void {
  const { pace } = job;
  return pace.kind === 'closed'
    ? runClosedLoop(job, pace, recorder)
    : runOpenLoop(job, pace, recorder);
}

function reply(message: FromGenerator): void {
  process.send?.(message);
}
