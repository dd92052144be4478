import { type Connection, openConnection } from './connection.js';
import type { Job, OpenLoop } from './messages.js';
import type { Recorder } from './recorder.js';

const firstConnections = 32;
const maxConnections = 512;
/** Beyond this backlog the target is plainly overloaded and requests count as errors. */
const maxWaiting = 100_000;

interface Slot {
  connection: Connection;
  /** Intended send time of the request in flight; null if there is none. */
  intendedAt: number | null;
}

/**
 * Sends at a fixed rate regardless of the target, so that a stall counts for every request that
 * should have been sent during it (no coordinated omission). Returns a function to stop.
 */
export function runOpenLoop(job: Job, pace: OpenLoop, recorder: Recorder): () => void {
  const gapMs = 1000 / pace.perSecond;
  const slots = new Set<Slot>();
  const idle: Slot[] = [];
  const waiting: number[] = [];
  for (let index = 0; index < firstConnections; index++) {
    idle.push(open());
  }
  let nextAt = performance.now() + gapMs;
  let timer = setTimeout(sendDue, gapMs);
  return () => {
    clearTimeout(timer);
    for (const { connection } of slots) {
      connection.close();
    }
  };

  function sendDue(): void {
    const now = performance.now();
    while (nextAt <= now) {
      sendAt(nextAt);
      nextAt += gapMs;
    }
    timer = setTimeout(sendDue, nextAt - now);
  }

  function sendAt(intendedAt: number): void {
    const slot = idle.pop() ?? (slots.size < maxConnections ? open() : null);
    if (slot !== null) {
      slot.intendedAt = intendedAt;
      slot.connection.send(job.request);
    } else if (waiting.length < maxWaiting) {
      waiting.push(intendedAt);
    } else {
      recorder.error('the target is too slow for this rate');
    }
  }

  function open(): Slot {
    const connection = openConnection(job.host, job.port, {
      onFirstBodyByte: () => recorder.firstByte(sinceIntended(slot)),
      onEvents: recorder.events,
      onAnswer: (status) => {
        recorder.answer(status, sinceIntended(slot));
        release(slot);
      },
      onClose: (reason) => {
        if (slot.intendedAt !== null) {
          recorder.error(reason);
        }
        slots.delete(slot);
        const index = idle.indexOf(slot);
        if (index >= 0) {
          idle.splice(index, 1);
        }
      },
    });
    const slot: Slot = { connection, intendedAt: null };
    slots.add(slot);
    return slot;
  }

  function release(slot: Slot): void {
    slot.intendedAt = null;
    idle.push(slot);
    const longest = waiting.shift();
    if (longest !== undefined) {
      sendAt(longest);
    }
  }
}

function sinceIntended({ intendedAt }: Slot): number {
  return performance.now() - (intendedAt ?? Number.NaN);
}
