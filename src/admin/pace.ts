import { setImmediate as turn } from 'node:timers/promises';

/** Counts a step; returns a turn of the event loop to wait for when it is due, else null. */
export type Pace = () => Promise<void> | null;

/** Paces work over long lists, so that other requests are answered meanwhile. */
export function paced(stepsInTurn: number): Pace {
  let steps = 0;
  return () => (++steps % stepsInTurn === 0 ? turn() : null);
}
