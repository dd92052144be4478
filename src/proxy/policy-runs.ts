import type { ModelRequest } from '../dialects/head.js';
import type {
  AnswerHead,
  AnswerHold,
  AnswerWatch,
  Before,
  CallEnd,
  PolicyRun,
} from '../policies/policy.js';

/** The policies of one request, one after the other. */
export class PolicyRuns {
  readonly #runs: readonly PolicyRun[];

  constructor(runs: readonly PolicyRun[]) {
    this.#runs = runs;
  }

  /** @throws GatewayError where a policy refuses the request. */
  async before(request: ModelRequest): Promise<Before> {
    let current = request;
    for (const run of this.#runs) {
      if (!run.before) continue;
      const before = await run.before(current);
      if ('answer' in before) return before;
      current = before.request;
    }
    return { request: current };
  }

  /** Those that hold this answer, the first to see it first. */
  holds(head: AnswerHead): AnswerHold[] {
    return this.#runs.flatMap((run) => run.hold?.(head) ?? []);
  }

  watches(head: AnswerHead): AnswerWatch[] {
    return this.#runs.flatMap((run) => run.watch?.(head) ?? []);
  }

  after(end: CallEnd): void {
    for (const run of this.#runs) run.after?.(end);
  }
}
