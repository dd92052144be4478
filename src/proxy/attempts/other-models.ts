import { errorKindOf } from '../../dialects/errors/error-kind.js';
import type { Candidate, Route } from '../../routing/snapshot.js';
import type { Attempt } from '../../upstream/attempt.js';
import type { PlannedRequest } from './planned-request.js';

/** Bytes of an error that are searched for its kind. */
const maxErrorBytes = 16_384;

/** Routes of a request: its own model's providers, then fallback models. */
export class OtherModels {
  routes: readonly Route[];
  readonly #planned: PlannedRequest;
  #left: (readonly Route[])[] | null = null;

  constructor(planned: PlannedRequest) {
    this.#planned = planned;
    this.routes = planned.routes;
  }

  /**
   * Moves to other models after a provider refused the request's content; false if none are left.
   */
  moveOn(attempt: Attempt, candidate: Candidate): boolean {
    const kind = errorKindOf(attempt.status, attempt.beginning(maxErrorBytes));
    if (kind === null) return false;
    this.#left = (this.#left ?? this.#planned.routesOfKind(kind)).filter(
      (routes) => !routes.some(({ candidates }) => candidates.includes(candidate)),
    );
    if (this.#left.length === 0) return false;
    this.routes = this.#left.flat();
    return this.routes.length > 0;
  }
}
