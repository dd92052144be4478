import { type Canary, percentOf } from '../config/rows/canary.js';
import { type MovedSessions, placeOf } from './place-of.js';

/** A provider that may serve a model, and its share of the requests. */
interface Shared {
  readonly weight: number;
  readonly priority: number;
  /** Its weight among sessions, of which canaries move some; see `preferred`. */
  readonly ownWeight: number;
  /** Null: no canary moves any. */
  readonly movedSessions: readonly MovedSessions[] | null;
}

/** Access to the candidates of a model. */
interface Making<T extends Shared> {
  keyOf(candidate: T): string;
  sentOf(candidate: T): string;
  /** The same candidate with another share. */
  share(candidate: T, shared: Shared): T;
  /** A provider as a candidate for a model; null if it does not serve it. */
  make(provider: string, model: string, shared: Shared): T | null;
}

/** The canaries that move requests now; null where none does. */
export function movingCanaries(canaries: readonly Canary[] = []): readonly Canary[] | null {
  const moving = canaries.filter((canary) => percentOf(canary) > 0);
  return moving.length === 0 ? null : moving;
}

/** True if a canary moves requests for this model (canonical name). */
export function isOfCanary({ model }: Pick<Canary, 'model'>, asked: string): boolean {
  return model === null || model === asked;
}

/**
 * The candidates of a model after canaries: each moves its percentage of weight from one candidate
 * to the other, which gets the first one's priority.
 */
export function moved<T extends Shared>(
  candidates: readonly T[],
  model: string,
  canaries: readonly Canary[],
  { keyOf, sentOf, share, make }: Making<T>,
): T[] {
  let all = [...candidates];
  for (const canary of canaries) {
    if (!isOfCanary(canary, model)) continue;
    const from = all.find((each) => keyOf(each) === canary.from_provider);
    if (!from || from.weight === 0) continue;
    const { priority, ownWeight } = from;
    const portion = percentOf(canary) / 100;
    const weight = from.weight * portion;
    const added = { weight, priority, ownWeight: 0, movedSessions: null };
    const made = make(canary.to_provider, canary.to_model ?? model, added);
    if (!made) continue;
    const isMade = (each: T) => keyOf(each) === keyOf(made) && sentOf(each) === sentOf(made);
    if (isMade(from)) continue;
    const known = all.find(isMade);
    // Its own weight counts only if it has the same priority.
    const own = known?.priority === priority ? known : null;
    const to = share(made, {
      weight: weight + (own?.weight ?? 0),
      priority,
      ownWeight: own?.ownWeight ?? 0,
      movedSessions: own?.movedSessions ?? null,
    });
    const movedSessions = [
      ...(from.movedSessions ?? []),
      {
        share: portion,
        place: placeOf(`canary ${canary.name}`),
        provider: keyOf(made),
        model: sentOf(made),
      },
    ];
    const rest = share(from, { weight: from.weight - weight, priority, ownWeight, movedSessions });
    all = all.map((each) => {
      if (each === from) return rest;
      return each === known ? to : each;
    });
    if (!known) all.push(to);
  }
  return all;
}
