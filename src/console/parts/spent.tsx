import type { Spent } from '../lib/answers.js';
import { age, percent } from '../lib/format.js';
import { t } from '../lib/words.js';
import { Bar } from './panel.js';
import { cost } from './request-table.js';
import { State } from './state.js';

/** Part of a budget from which it needs attention. */
const nearlyGone = 0.8;

export function spentTone({ share }: Spent): '' | 'warn' | 'bad' {
  return share >= 1 ? 'bad' : share >= nearlyGone ? 'warn' : '';
}

export function SpentBar({ of }: { of: Spent }) {
  return <Bar share={of.share} text={percent(of.share)} tone={spentTone(of)} />;
}

/** The unspent part of a budget, its amount, and its end at this pace. */
export function Left({ of }: { of: Spent }) {
  return (
    <div>
      {t('{left} of {amount} left', { left: cost(of.left_nano), amount: cost(of.amount) })}{' '}
      {of.spent_nano > 0 && <Pace of={of} />}
    </div>
  );
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
