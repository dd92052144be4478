import type { Change } from '../config/documents/change.js';
import type { Plan } from '../config/documents/plan.js';
import type { FieldChange } from '../config/documents/plan-fields.js';
import type { PlanEffect } from '../routing/plan-effect.js';

/** A plan without secrets, for display. */
export interface DescribedPlan {
  /** The version that the plan is based on. */
  version: number;
  changes: (Pick<Change, 'kind' | 'action' | 'name' | 'id'> & { fields: FieldChange[] })[];
  effect: PlanEffect;
}

/** A plan that the daemon could use, as it was shown. */
export interface ShownPlan {
  plan: Plan;
  described: DescribedPlan;
}

/**
 * The plan that was shown last, so that applying it does not take as long again. It holds all rows:
 * only one is kept, and only until it is taken.
 */
export class LastPlan {
  #kept: { of: string; shown: ShownPlan } | null = null;

  /** @param of identifies all that the plan was made of but the rows. */
  keep(of: string, shown: ShownPlan): void {
    this.#kept = { of, shown };
  }

  /** @returns null if the last plan was made of something else. */
  take(of: string): ShownPlan | null {
    const kept = this.#kept;
    this.drop();
    return kept?.of === of ? kept.shown : null;
  }

  drop(): void {
    this.#kept = null;
  }
}
