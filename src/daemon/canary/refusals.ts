import type { CanarySide } from '../../db/queries/configuration/canaries.js';

/** Requests, and those that their provider refused as the client's mistake. */
export interface RefusalCounts {
  requests: number;
  refused: number;
}

/** Refusals of moved requests in the last one or two minutes, and of all others. */
export interface SeenRefusals {
  moved: RefusalCounts;
  usual: RefusalCounts;
}

const periodMs = 60_000;

/** Counts refusals by both sides of running canaries, at this daemon: no other one knows of them. */
export class Refusals {
  readonly #seen = new Map<string, { usual: RefusalCounts; periods: RefusalCounts[] }>();
  readonly #now: () => number;
  #periodEndMs: number;

  constructor(now = () => performance.now()) {
    this.#now = now;
    this.#periodEndMs = now() + periodMs;
  }

  /** Forgets all other canaries. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#seen.keys()) if (!names.has(name)) this.#seen.delete(name);
  }

  count(canary: string, side: CanarySide, refused: boolean): void {
    const seen = this.#seen.get(canary) ?? { usual: none(), periods: [none()] };
    this.#seen.set(canary, seen);
    const counts = side === 'from' ? seen.usual : (seen.periods[0] as RefusalCounts);
    counts.requests++;
    if (refused) counts.refused++;
  }

  of(canary: string): SeenRefusals {
    const nowMs = this.#now();
    if (nowMs >= this.#periodEndMs) {
      this.#periodEndMs = nowMs + periodMs;
      for (const seen of this.#seen.values()) {
        seen.periods = [none(), ...seen.periods.slice(0, 1)];
      }
    }
    const { usual = none(), periods = [] } = this.#seen.get(canary) ?? {};
    const moved = none();
    for (const { requests, refused } of periods) {
      moved.requests += requests;
      moved.refused += refused;
    }
    return { moved, usual };
  }
}

function none(): RefusalCounts {
  return { requests: 0, refused: 0 };
}
