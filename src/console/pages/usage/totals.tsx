import type { Sum } from '../../lib/answers.js';
import { compact, dateTime, percent } from '../../lib/format.js';
import { linkTo } from '../../lib/route.js';
import { projected, type Span } from '../../lib/timeline.js';
import { t } from '../../lib/words.js';
import { Stat, type StatProps } from '../../parts/panel.js';
import { cost } from '../../parts/request-table.js';
import { type Asked, type Compared, changeOf } from './asked.js';

interface TotalsProps {
  now: Sum;
  before: Compared | null;
  period: Asked;
  span: Span;
  /** The team’s, for a month; nano-dollars. */
  budget: number | null;
}

/** The sums of all requests of the period. */
export function Totals({ now, before, period, span, budget }: TotalsProps) {
  const expected = span === 'month' ? projected(now.cost_nano) : null;
  const change = (pick: (sum: Sum) => number) =>
    changeOf(pick(now), before ? pick(before.total) : undefined);
  const failed = percent(now.requests === 0 ? 0 : now.errors / now.requests);
  const listed = (status = '') => linkTo('requests', '', { ...period, status });
  const stats: StatProps[] = [
    { label: t('Cost'), value: cost(now.cost_nano), unit: change((sum) => sum.cost_nano) },
    ...(budget === null
      ? []
      : [
          {
            label: t('Of its budget'),
            value: percent(now.cost_nano / budget),
            unit: `/ ${cost(budget)}`,
            isBad: now.cost_nano >= budget,
          },
        ]),
    ...(expected === null
      ? []
      : [
          {
            label: t('At the month’s end'),
            value: cost(expected),
            unit: t('at this pace'),
            isBad: budget !== null && expected > budget,
          },
        ]),
    {
      label: t('Requests'),
      value: compact(now.requests),
      unit: change((sum) => sum.requests),
      link: listed(),
    },
    {
      label: t('Input tokens'),
      value: compact(now.prompt_tokens),
      unit: change((sum) => sum.prompt_tokens),
    },
    {
      label: t('Output tokens'),
      value: compact(now.completion_tokens),
      unit: change((sum) => sum.completion_tokens),
    },
    { label: t('Errors'), value: failed, link: listed('error') },
    { label: t('Without a price'), value: compact(now.unpriced_requests) },
  ];
  return (
    <>
      <div class="stats inner">
        {stats.map((stat) => (
          <Stat key={stat.label} {...stat} />
        ))}
      </div>
      <p class="body muted small">
        {before
          ? t('Compared with {from} to {until}.', {
              from: dateTime(before.since).slice(0, -3),
              until: dateTime(before.until).slice(0, -3),
            })
          : '\u00a0'}
      </p>
    </>
  );
}
