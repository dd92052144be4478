import type { Budget } from '../lib/answers.js';
import { age, percent } from '../lib/format.js';
import { t } from '../lib/words.js';
import { Bar } from './panel.js';
import { State } from './state.js';

/** Spend of a budget; the field names are those of the API. Amounts are nano-dollars. */
export interface Spent extends Pick<Budget, 'name' | 'amount' | 'window' | 'applies_to'> {
  window_start: string;
  resets_at: string | null;
  spent_nano: number;
  left_nano: number;
  requests: number;
}

/** Part of a budget from which it needs attention. */
const nearlyGone = 0.8;

export function spentTone({ amount, spent_nano }: Spent): '' | 'warn' | 'bad' {
  const share = spent_nano / amount;
  return share >= 1 ? 'bad' : share >= nearlyGone ? 'warn' : '';
}

export function SpentBar({ of }: { of: Spent }) {
  const share = of.spent_nano / of.amount;
  return <Bar share={share} text={percent(share)} tone={spentTone(of)} />;
}

/** Time at which the rest runs out, at the average pace since the window began. */
export function Pace({ of }: { of: Spent }) {
  const { window_start, resets_at, spent_nano, left_nano } = of;
  if (left_nano === 0) return <State tone="bad">{t('gone')}</State>;
  const startMs = Date.parse(window_start);
  // A window that began long before any budget was counted has no pace.
  if (spent_nano === 0 || startMs <= 0) return <span class="muted">–</span>;
  const goneMs = Date.now() + (left_nano / spent_nano) * (Date.now() - startMs);
  if (resets_at !== null && goneMs >= Date.parse(resets_at)) {
    return <State tone="good">{t('lasts')}</State>;
  }
  return <State tone="warn">{t('gone in {age}', { age: age(goneMs) })}</State>;
}
