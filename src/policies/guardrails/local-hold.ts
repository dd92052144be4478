import type { DialectName } from '../../dialects/dialect.js';
import { pushAll } from '../../dialects/push-all.js';
import type { AnswerHold } from '../policy.js';
import { HeldEvents, type HeldText } from './held-events.js';
import type { Inspector, InspectorRun, Replacement } from './inspector.js';
import { replacedIn, textsOf } from './whole.js';

/** Passes a whole answer through an inspector. */
export function localWhole(inspector: Inspector): AnswerHold {
  return {
    takesPieces: false,
    push(body) {
      const texts = textsOf(body);
      return replacedIn(body, texts, inspector.whole(texts));
    },
    flush: () => Buffer.alloc(0),
  };
}

/**
 * Passes a stream through inspectors.
 * @param enforced makes replacements; null: nothing is held.
 * @param watched only observes.
 */
export function localStream(
  dialect: DialectName,
  enforced: Inspector | null,
  watched: Inspector | null,
): AnswerHold {
  const open = (_at: string, isJson: boolean) =>
    new LocalText(enforced?.open(isJson) ?? null, watched?.open(isJson) ?? null);
  return new LocalStream(new HeldEvents(dialect, open));
}

class LocalStream implements AnswerHold {
  readonly takesPieces = true;
  readonly #events: HeldEvents;

  constructor(events: HeldEvents) {
    this.#events = events;
  }

  push(bytes: Buffer): Buffer {
    this.#events.push(bytes);
    return this.#events.release();
  }

  flush(): Buffer {
    this.#events.end();
    return this.#events.release();
  }
}

class LocalText implements HeldText {
  readonly replacements: Replacement[] = [];
  readonly #enforced: InspectorRun | null;
  readonly #watched: InspectorRun | null;

  constructor(enforced: InspectorRun | null, watched: InspectorRun | null) {
    this.#enforced = enforced;
    this.#watched = watched;
  }

  get decided(): number {
    return this.#enforced?.decided ?? Number.POSITIVE_INFINITY;
  }

  push(piece: string, isEnd: boolean): void {
    this.#watched?.push(piece, isEnd);
    if (this.#enforced) pushAll(this.replacements, this.#enforced.push(piece, isEnd));
  }
}
