import type { Sum } from '../../lib/answers.js';
import { compact, day, duration, percent } from '../../lib/format.js';
import { linkTo } from '../../lib/route.js';
import type { Sortable } from '../../lib/sort.js';
import { dayPeriod } from '../../lib/timeline.js';
import { t } from '../../lib/words.js';
import { cost } from '../../parts/request-table.js';
import { type Column, Cut, Table } from '../../parts/table.js';
import { type Asked, type Compared, changeOf, type Grouping, groupings } from './asked.js';

/** Maximum rows on a page, and of groups for each day; the file has all of them. */
export const maxSums = 200;
export const maxDaily = 1_000;

interface SumsProps {
  sums: readonly Sum[];
  total: Sum;
  by: Grouping;
  /** Each group is summed for each day. */
  isDaily: boolean;
  period: Asked;
  /** Sums of the period before, of the same groups. */
  before: Compared | null;
}

/** The sums of each group. */
export function Sums({ sums, total, by, isDaily, period, before }: SumsProps) {
  const title = t(groupings.find(([each]) => each === by)?.[1] ?? '');
  const known = new Map(before?.usage.map((sum) => [keyOf(sum), sum.cost_nano]));
  const earlier = (sum: Sum) => (sum === total ? before?.total.cost_nano : known.get(keyOf(sum)));
  /** Sorts here, with all sums loaded, by values that the server does not sort by. */
  const here = (sort: string, by: (sum: Sum) => Sortable) =>
    sums.length < maxSums && !isDaily ? { sort, by } : {};
  const columns: Column<Sum>[] = [
    ...(isDaily ? [{ title: t('Day'), value: ({ group }: Sum) => day(group ?? '') }] : []),
    {
      title,
      value: (sum) => (
        <Group
          name={isDaily ? sum.subgroup : sum.group}
          by={by}
          period={isDaily ? { ...period, ...dayPeriod(sum.group ?? '') } : period}
        />
      ),
      sort: 'group',
    },
    {
      title: t('Requests'),
      isNumber: true,
      value: ({ requests }) => compact(requests),
      sort: 'requests',
    },
    {
      title: t('Errors'),
      isNumber: true,
      value: (sum) => percent(sum.errors / sum.requests),
      ...here('error-rate', (sum) => sum.errors / sum.requests),
    },
    {
      title: t('Input tokens'),
      isNumber: true,
      value: (sum) => compact(sum.prompt_tokens),
      sort: 'prompt_tokens',
    },
    {
      title: t('Output tokens'),
      isNumber: true,
      value: (sum) => compact(sum.completion_tokens),
      sort: 'completion_tokens',
    },
    { title: t('Cost'), isNumber: true, value: (sum) => cost(sum.cost_nano), sort: 'cost_nano' },
    ...(isDaily || by === 'day'
      ? []
      : [
          {
            title: t('Change'),
            isNumber: true,
            value: (sum: Sum) => changeOf(sum.cost_nano, earlier(sum)) ?? '–',
            ...here('change', (sum) => {
              const then = earlier(sum);
              return then ? sum.cost_nano / then : null;
            }),
          },
        ]),
    {
      title: t('Median'),
      isNumber: true,
      value: (sum) => duration(sum.duration_ms.p50),
      ...here('p50', (sum) => sum.duration_ms.p50),
    },
    {
      title: 'p95',
      isNumber: true,
      value: (sum) => duration(sum.duration_ms.p95),
      ...here('p95', (sum) => sum.duration_ms.p95),
    },
    {
      title: t('First token'),
      isNumber: true,
      value: (sum) => duration(sum.first_token_ms.p50),
      ...here('first-token', (sum) => sum.first_token_ms.p50),
    },
  ];
  const names = isDaily ? [t('Total'), ''] : [t('Total')];
  const all = columns.map((column, index) => names[index] ?? column.value(total));
  return (
    <>
      <Table label={t('Usage and cost')} columns={columns} rows={sums} keyOf={keyOf} total={all} />
      {sums.length >= (isDaily ? maxDaily : maxSums) && (
        <p class="body muted small">
          {t('The first {count}: the file has all of them.', { count: sums.length })}
        </p>
      )}
    </>
  );
}

function keyOf({ group, subgroup, credential_id }: Sum): string {
  return `${group} ${subgroup} ${credential_id}`;
}

interface GroupProps {
  name: string | null;
  by: Grouping;
  period: Asked;
}

/** A group, and the way to its requests. */
function Group({ name: group, by, period }: GroupProps) {
  if (group === null) return <span class="muted">{t('none')}</span>;
  if (by === 'day') {
    return <a href={linkTo('requests', '', { ...period, ...dayPeriod(group) })}>{day(group)}</a>;
  }
  return (
    <Cut text={group}>
      <a href={linkTo('requests', '', { ...period, [by]: group })}>{group}</a>
    </Cut>
  );
}
