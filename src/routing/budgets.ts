import type { Budget, Selectors } from '../config/rows/budget.js';
import {
  compileModelPattern,
  type ModelPattern,
  matchesPattern,
} from '../config/rows/model-pattern.js';
import { newPrice } from '../config/rows/price.js';
import type { Stop } from '../config/rows/stop.js';
import { type ModelPrice, settlePrice } from '../pricing/model-price.js';
import type { RoutedCredential } from './credential-table.js';

/** A budget with precomputed parts. */
export interface RoutedBudget {
  /** Its name in the ledger, by id: a renamed budget keeps its spend. */
  readonly key: string;
  readonly config: Budget;
  readonly isHard: boolean;
  /** Price of models without one; null: they are refused. */
  readonly ceiling: ModelPrice | null;
  readonly matches: Match;
  /** True if every request of its keys belongs to it. */
  readonly isOfAll: boolean;
}

/** The parts of a request that selectors match, besides its key and team. */
export interface Selected {
  readonly user: string | null;
  readonly tags: readonly string[];
  /** Canonical name: see `modelMeant`. */
  readonly model: string;
}

type Match = (request: Selected) => boolean;

/** Rows with selectors, such as budgets, indexed by the keys that may match. */
export class SelectorTable<Row extends { readonly config: { applies_to: Selectors } }> {
  readonly #rows: readonly Row[];
  readonly #ofKeys = new WeakMap<RoutedCredential, readonly Row[]>();

  constructor(rows: readonly Row[]) {
    this.#rows = rows;
  }

  of(credential: RoutedCredential): readonly Row[] {
    let own = this.#ofKeys.get(credential);
    if (!own) {
      own = this.#rows.filter(({ config }) => isOfKey(config.applies_to, credential));
      this.#ofKeys.set(credential, own);
    }
    return own;
  }
}

/** The enabled rows; null if there are none, so that nothing is looked up. */
export function compileEnabled<
  Config extends { is_enabled: boolean; applies_to: Selectors },
  Row extends { readonly config: Config },
>(configs: readonly Config[], routed: (config: Config) => Row): SelectorTable<Row> | null {
  const enabled = configs.filter(({ is_enabled }) => is_enabled);
  return enabled.length === 0 ? null : new SelectorTable(enabled.map(routed));
}

export type BudgetTable = SelectorTable<RoutedBudget>;

export function compileBudgets(budgets: readonly Budget[] = []): BudgetTable | null {
  return compileEnabled(budgets, routedBudget);
}

export function routedBudget(config: Budget): RoutedBudget {
  const { id, name, mode, ceiling, applies_to } = config;
  const { user, tag, model } = applies_to;
  return Object.freeze({
    key: budgetKey({ id: id ?? null, name }),
    config,
    isHard: mode === 'hard',
    ceiling: ceiling && settlePrice({ ...newPrice, name, model: '*', rates: ceiling }),
    matches: compileSelectors(applies_to),
    isOfAll: user === undefined && tag === undefined && model === undefined,
  });
}

/** Names a budget in the ledger. */
export function budgetKey({ id, name }: { id: number | null; name: string }): string {
  return id === null ? `file:${name}` : String(id);
}

/** A stop with precomputed parts. */
export interface RoutedStop {
  readonly config: Stop;
  readonly matches: Match;
}

/** Null where none is thrown. */
export function compileStops(stops: readonly Stop[] = []): readonly RoutedStop[] | null {
  if (stops.length === 0) return null;
  return stops.map((config) => ({ config, matches: compileSelectors(config.applies_to) }));
}

export function isOfKey(selectors: Selectors, { name, team }: RoutedCredential): boolean {
  if (selectors.key !== undefined && selectors.key !== name) return false;
  return selectors.team === undefined || selectors.team === team;
}

export function compileSelectors({ user, tag, model }: Selectors): Match {
  const compiled = model === undefined ? null : compileModelPattern(model);
  // Validated before.
  const pattern = compiled as ModelPattern | null;
  return (request) =>
    (user === undefined || request.user === user) &&
    (tag === undefined || request.tags.includes(tag)) &&
    (pattern === null || matchesPattern(pattern, request.model));
}
