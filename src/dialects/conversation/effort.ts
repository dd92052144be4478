import type { Effort } from '../conversation.js';

/** Thinking tokens equivalent to an effort, for targets that count tokens, in ascending order. */
const budgets: readonly (readonly [Exclude<Effort, 'none'>, number])[] = [
  ['minimal', 1024],
  ['low', 2048],
  ['medium', 8192],
  ['high', 16_384],
  ['xhigh', 24_576],
  ['max', 32_768],
];

/** Tokens for an effort; 0 for none. */
export function budgetOf(effort: Effort): number {
  return budgets.find(([name]) => name === effort)?.[1] ?? 0;
}

/** The lowest effort that covers this many tokens. */
export function effortOf(budget: number): Effort {
  if (budget === 0) return 'none';
  return budgets.find(([, tokens]) => budget <= tokens)?.[0] ?? 'max';
}
