import type { Budget } from '../config/budget.js';
import type { Mirror } from '../config/mirror.js';
import {
  compileSelectors,
  isOfKey,
  type RoutedBudget,
  routedBudget,
  type Selected,
} from './budgets.js';
import type { RoutedCredential } from './credential-table.js';

/** A mirror with what is computed once. */
export interface RoutedMirror {
  readonly config: Mirror;
  /** From 0 to 1. */
  readonly share: number;
  /** What its copies may cost; null: anything. */
  readonly budget: RoutedBudget | null;
  /** Names its slots. */
  readonly slots: string;
  readonly matches: (request: Selected) => boolean;
}

/** Enabled mirrors, by the keys whose requests may be theirs. */
export class MirrorTable {
  readonly #mirrors: readonly RoutedMirror[];
  readonly #ofKeys = new WeakMap<RoutedCredential, readonly RoutedMirror[]>();

  constructor(mirrors: readonly RoutedMirror[]) {
    this.#mirrors = mirrors;
  }

  of(credential: RoutedCredential): readonly RoutedMirror[] {
    let own = this.#ofKeys.get(credential);
    if (!own) {
      own = this.#mirrors.filter(({ config }) => isOfKey(config.applies_to, credential));
      this.#ofKeys.set(credential, own);
    }
    return own;
  }
}

/** Null where there are none, so that nothing is looked up then. */
export function compileMirrors(mirrors: readonly Mirror[] = []): MirrorTable | null {
  const enabled = mirrors.filter(({ is_enabled }) => is_enabled);
  return enabled.length === 0 ? null : new MirrorTable(enabled.map(routedMirror));
}

function routedMirror(config: Mirror): RoutedMirror {
  const budget = budgetOf(config);
  return Object.freeze({
    config,
    share: config.sample_percent / 100,
    budget: budget && routedBudget(budget),
    slots: `mirror ${config.name}`,
    matches: compileSelectors(config.applies_to),
  });
}

/** The budget of a mirror's copies, of which no request of a client is; null: it has none. */
export function budgetOf({ name, budget: amount, window }: Mirror): Budget | null {
  if (amount === null) return null;
  return {
    ...{ id: null, name: `mirror ${name}`, amount, window, mode: 'hard', applies_to: {} },
    ...{ alerts: [80, 100], webhook: null, ceiling: null, is_enabled: true },
  };
}
