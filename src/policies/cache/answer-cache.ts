import type { CachePurge } from '../../config/rows/cache.js';
import type { Settings } from '../../config/settings/settings-types.js';
import { AnswerStore } from './answer-store.js';
import { BodyReader } from './body-facts.js';
import { Flights } from './flights.js';
import type { Asker, KeptAnswer } from './kept-answer.js';
import { compilePurge } from './purge.js';
import type { SharedAnswers } from './shared-answers.js';

/** A request whose answer may be kept. */
export interface OpenUse {
  /** The provider was asked before a purge that covers the answer. */
  purged(): void;
}

/** The answers that a worker keeps. */
export class AnswerCache {
  readonly settings: Settings['cache'];
  readonly store: AnswerStore;
  readonly bodies = new BodyReader();
  readonly flights = new Flights();
  /** Null: this worker is the only one. */
  readonly shared: SharedAnswers | null;
  readonly counts = { hits: 0, misses: 0, bypassed: 0, kept: 0 };
  /** Requests in flight whose answer may be cached, and the entries it is for. */
  readonly open = new Map<OpenUse, Asker>();
  /** Id of the last purge. */
  purgedTo = 0;

  constructor(settings: Settings['cache'], shared: SharedAnswers | null) {
    this.settings = settings;
    this.store = new AnswerStore(settings.max_bytes);
    this.shared = shared;
  }

  /** Its content, and its counts since its start. */
  get state() {
    return { ...this.store.state, ...this.counts };
  }

  /** Applies the purges that are new, also to answers that are still arriving. @param purges by id. */
  purge(purges: readonly CachePurge[]): void {
    for (const purge of purges) {
      if (purge.id <= this.purgedTo) continue;
      this.purgedTo = purge.id;
      const matches = compilePurge(purge);
      this.store.purge(({ of }) => matches(of));
      for (const [use, of] of this.open) if (matches(of)) use.purged();
    }
  }

  /** Counts a stored answer. */
  keep(key: string, answer: KeptAnswer): void {
    this.store.put(key, answer);
    this.counts.kept++;
  }
}
