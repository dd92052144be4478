import { type Connection, openConnection } from './connection.js';
import type { ClosedLoop, Job } from './messages.js';
import type { Recorder } from './recorder.js';

const reconnectMs = 20;

/** Keeps each connection busy with one request after the other. Returns a function to stop. */
export function runClosedLoop(job: Job, pace: ClosedLoop, recorder: Recorder): () => void {
  const timers = new Set<NodeJS.Timeout>();
  const connections = new Set<Connection>();
  for (let index = 0; index < pace.connections; index++) {
    after((pace.rampMs * index) / pace.connections, open);
  }
  return () => {
    for (const timer of timers) {
      clearTimeout(timer);
    }
    for (const connection of connections) {
      connection.close();
    }
  };

  function open(): void {
    let sentAt = 0;
    const connection = openConnection(job.host, job.port, {
      onFirstBodyByte: () => recorder.firstByte(performance.now() - sentAt),
      onEvents: recorder.events,
      onAnswer: (status) => {
        recorder.answer(status, performance.now() - sentAt);
        send();
      },
      onClose: (reason) => {
        recorder.error(reason);
        connections.delete(connection);
        after(reconnectMs, open);
      },
    });
    connections.add(connection);
    send();

    function send(): void {
      sentAt = performance.now();
      connection.send(job.request);
    }
  }

  function after(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, ms);
    timers.add(timer);
  }
}
