import type { Budget } from '../../config/rows/budget.js';
import type { BudgetTotal } from '../../db/queries/fleet/sync-budgets.js';
import { windowOf } from '../../limits/budget-lease.js';
import { budgetKey } from '../../routing/budgets.js';
import type { Parameter } from '../route.js';
import { rangeParameters, sortParameter } from './list-page.js';

/** A budget and its spend in the present window; amounts are nano-dollars. */
export interface SpentBudget extends Pick<Budget, 'name' | 'applies_to' | 'amount' | 'window'> {
  mode: Budget['mode'];
  is_enabled: boolean;
  window_start: Date;
  resets_at: Date | null;
  spent_nano: number;
  left_nano: number;
  /** Spent part of the amount; above 1 if more was spent. */
  share: number;
  requests: number;
}

/** The columns that budgets may be sorted by. */
export const spentBudgetOrders = [
  'name',
  'amount',
  'spent_nano',
  'left_nano',
  'share',
  'requests',
  'resets_at',
] as const;

type Order = (typeof spentBudgetOrders)[number];

/** Query parameters of the list of spent budgets. */
export const spentBudgetParameters: readonly Parameter[] = [
  sortParameter(spentBudgetOrders, 'in the order of the configuration'),
  ...rangeParameters('budgets'),
  {
    name: 'search',
    in: 'query',
    description: 'Only budgets whose name contains this text, ignoring case.',
    schema: { type: 'string', maxLength: 200 },
  },
  {
    name: 'name',
    in: 'query',
    description: 'Only the budget of exactly this name.',
    schema: { type: 'string', maxLength: 200 },
  },
  ...(['team', 'key'] as const).map(
    (name): Parameter => ({
      name,
      in: 'query',
      description: `Only budgets of this ${name} and nothing else; may be repeated.`,
      schema: { type: 'array', items: { type: 'string', minLength: 1, maxLength: 200 } },
    }),
  ),
];

/** The page of budgets that checked query parameters ask for, and the number on all pages. */
export function spentBudgets(
  budgets: readonly Budget[],
  totals: readonly BudgetTotal[],
  query: URLSearchParams,
  nowMs: number,
): { budgets: SpentBudget[]; total: number } {
  const nameOf = (key: string, startMs: number) => `${startMs} ${key}`;
  const known = new Map(
    totals.map((each) => [nameOf(each.budget, each.window_start.getTime()), each]),
  );
  const search = (query.get('search') ?? '').toLowerCase();
  const name = query.get('name');
  const selected = new Set(
    (['team', 'key'] as const).flatMap((of) =>
      query.getAll(of).map((each) => JSON.stringify({ [of]: each })),
    ),
  );
  const found = budgets.filter(
    (budget) =>
      budget.name.toLowerCase().includes(search) &&
      (name === null || budget.name === name) &&
      (selected.size === 0 || selected.has(JSON.stringify(budget.applies_to))),
  );
  const all = found.map((budget): SpentBudget => {
    const { id = null, name, applies_to, amount, window, mode, is_enabled } = budget;
    const { startMs, endMs } = windowOf(window, nowMs);
    const total = known.get(nameOf(budgetKey({ id, name }), startMs));
    const spent = Number(total?.spent_nano ?? 0);
    return {
      ...{ name, applies_to, amount, window, mode, is_enabled },
      window_start: new Date(startMs),
      resets_at: endMs === null ? null : new Date(endMs),
      spent_nano: spent,
      left_nano: Math.max(0, amount - spent),
      share: spent / amount,
      requests: Number(total?.requests ?? 0),
    };
  });
  const sort = query.get('sort');
  if (sort !== null) sortBudgets(all, sort.replace('-', '') as Order, sort.startsWith('-'));
  const offset = Number(query.get('offset') ?? 0);
  const end = query.has('limit') ? offset + Number(query.get('limit')) : undefined;
  return { budgets: all.slice(offset, end), total: all.length };
}

function sortBudgets(budgets: SpentBudget[], by: Order, isReverse: boolean): void {
  const sign = isReverse ? -1 : 1;
  budgets.sort((one, other) => {
    const [a, b] = [one[by], other[by]];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    if (typeof a === 'string') return sign * a.localeCompare(String(b), 'en');
    return sign * (Number(a) - Number(b));
  });
}
