import type { Explanation } from '../../lib/answers.js';
import { duration } from '../../lib/format.js';
import { statusTone } from '../../lib/states.js';
import { t } from '../../lib/words.js';

/** Attempts on a common time scale, then the answer. */
export function Waterfall({ shown }: { shown: Explanation }) {
  const { total_ms, first_token_ms, attempts_log } = shown;
  const scale = (ms: number) => (total_ms === 0 ? 0 : Math.min(100, (ms / total_ms) * 100));
  const bar = (from: number, took: number, tone: string) => (
    <svg viewBox="0 0 100 18" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" x="0" y="4" width="100" height="10" />
      <rect class={tone} x={scale(from)} y="4" width={Math.max(0.6, scale(took))} height="10" />
    </svg>
  );
  return (
    <div class="waterfall">
      {(attempts_log ?? []).map((attempt, index) => (
        <div class="attempt" key={`${index} ${attempt.provider}`}>
          <div>
            <div>{attempt.provider}</div>
            <div class="muted small">
              {attempt.status ?? attempt.outcome} {attempt.reason ?? ''}
            </div>
          </div>
          {bar(attempt.at_ms, attempt.took_ms, attempt.outcome === 'answered' ? 'good' : 'bad')}
          <div class="number">{duration(attempt.took_ms)}</div>
        </div>
      ))}
      {first_token_ms !== null && (
        <div class="attempt">
          <div>{t('To the first content')}</div>
          {bar(0, first_token_ms, 'wait')}
          <div class="number">{duration(first_token_ms)}</div>
        </div>
      )}
      <div class="attempt">
        <div>{t('In all')}</div>
        {bar(0, total_ms, statusTone(shown.status, shown.error) === 'good' ? 'good' : 'bad')}
        <div class="number">{duration(total_ms)}</div>
      </div>
      <p class="muted small">
        {t('Of this, the provider took {upstream}; the gateway itself {own}.', {
          upstream: duration(shown.upstream_ms),
          own: duration(Math.max(0, total_ms - shown.upstream_ms)),
        })}
      </p>
    </div>
  );
}
