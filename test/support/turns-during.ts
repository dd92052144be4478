import { setImmediate as turn } from 'node:timers/promises';

/** The turns that the event loop gave to others while something was made. */
export async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let isOver = false;
  let turns = 0;
  const end = work.finally(() => {
    isOver = true;
  });
  for (await turn(); !isOver; await turn()) turns++;
  await end;
  return turns;
}
