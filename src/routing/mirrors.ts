import type { Budget } from '../config/rows/budget.js';
import type { Mirror } from '../config/rows/mirror.js';
import {
  compileEnabled,
  compileSelectors,
  type RoutedBudget,
  routedBudget,
  type Selected,
  type SelectorTable,
} from './budgets.js';

/** A mirror with precomputed parts. */
export interface RoutedMirror {
  readonly config: Mirror;
  /** From 0 to 1. */
  readonly share: number;
  /** Budget of its copies; null: none. */
  readonly budget: RoutedBudget | null;
  /** Names its slots. */
  readonly slots: string;
  readonly matches: (request: Selected) => boolean;
}

export type MirrorTable = SelectorTable<RoutedMirror>;

export function compileMirrors(mirrors: readonly Mirror[] = []): MirrorTable | null {
  return compileEnabled(mirrors, routedMirror);
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

/** The budget of a mirror's copies, which matches no client request; null: none. */
export function budgetOf({ name, budget: amount, window }: Mirror): Budget | null {
  if (amount === null) return null;
  return {
    ...{ id: null, name: `mirror ${name}`, amount, window, mode: 'hard', applies_to: {} },
    ...{ alerts: [80, 100], webhook: null, ceiling: null, is_enabled: true },
  };
}
