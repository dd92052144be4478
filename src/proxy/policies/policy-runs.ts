import type { ModelRequest } from '../../dialects/head.js';
import type { AnswerHead, AnswerHold, PolicyRun } from '../../policies/policy.js';

/** The policies of one request, one after the other. */
export class PolicyRuns {
  readonly #runs: readonly PolicyRun[];
  /** Policies that hold answers. */
  readonly #holding: readonly PolicyRun[];

  constructor(runs: readonly PolicyRun[], holding: readonly PolicyRun[]) {
    this.#runs = runs;
    this.#holding = holding;
  }

  /** @throws GatewayError where a policy refuses the request. */
  async before(request: ModelRequest): Promise<ModelRequest> {
    let current = request;
    for (const run of this.#runs) current = await run.before(current);
    return current;
  }

  /** Holds of this answer, in the order in which they see it. */
  holds(head: AnswerHead): AnswerHold[] {
    return this.#holding.flatMap((run) => run.hold(head));
  }

  /** @returns null, or a promise where results are still to be noted. It never rejects. */
  after(): Promise<unknown> | null {
    const noting = this.#runs.flatMap((run) => run.after() ?? []);
    return noting.length === 0 ? null : Promise.all(noting);
  }
}
