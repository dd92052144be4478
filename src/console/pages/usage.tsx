import { useMemo } from 'preact/hooks';
import type { Spent, Sum, Usage } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { flagsOf } from '../lib/command-text.js';
import { compact, dateTime, day, duration, percent, reportZone } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { choiceOf, linkTo, route, setQuery } from '../lib/route.js';
import { role, session } from '../lib/session.js';
import type { Sortable } from '../lib/sort.js';
import {
  comparedWith,
  dayPeriod,
  type Period,
  periodOf,
  projected,
  type Span,
  spans,
  stepPeriod,
} from '../lib/timeline.js';
import { stacked } from '../lib/usage-stack.js';
import { language, t } from '../lib/words.js';
import { Chart } from '../parts/chart.js';
import { Choices } from '../parts/choices.js';
import { Check } from '../parts/fields/field.js';
import { TeamFilter } from '../parts/fields/team-filter.js';
import { Page, Panel, Stat, type StatProps } from '../parts/panel.js';
import { cost } from '../parts/request-table.js';
import { Empty, Loaded } from '../parts/state.js';
import { type Column, Cut, Table } from '../parts/table.js';

const groupings = [
  ['team', 'Team'],
  ['key', 'Key'],
  ['user', 'User'],
  ['tag', 'Tag'],
  ['model', 'Model'],
  ['provider', 'Provider'],
  ['day', 'Day'],
] as const;

type Grouping = (typeof groupings)[number][0];

const measures = [
  ['cost', 'Cost'],
  ['tokens', 'Tokens'],
  ['requests', 'Requests'],
] as const;

/** The fields of sums that are measured. */
const fields = { cost: 'cost_nano', tokens: 'total_tokens', requests: 'requests' } as const;

type Measure = (typeof measures)[number][0];

/** Columns that the server sorts by. */
const usageOrders: readonly string[] = [
  ...['group', 'requests', 'prompt_tokens', 'completion_tokens', 'cost_nano'],
];
/** Maximum rows on a page, and of groups for each day; the file has all of them. */
const maxSums = 200;
const maxDaily = 1_000;
/** Requests of a week from which its chart has days instead of hours. */
const manyRequests = 1_000_000;
/** Groups of a chart; all others are one. */
const maxStacked = 5;

function namesOf<Name>(all: readonly (readonly [Name, string])[]): Name[] {
  return all.map(([name]) => name);
}

/** Usage and its cost, compared with the previous period. */
export function UsagePage() {
  const { query } = route.value;
  const by = choiceOf('by', namesOf(groupings), 'key');
  const span = choiceOf('span', Object.keys(spans) as Span[], '7d');
  const measure = choiceOf('measure', namesOf(measures), 'cost');
  const isDaily = query.get('daily') === 'yes' && by !== 'day';
  const groupedBy = isDaily ? `day,${by}` : by;
  const given = query.get('team') ?? '';
  const team = session.value?.team ?? given;
  const period = { ...periodOf(span), ...(given === '' ? {} : { team: given }) };
  const asked = { ...period, timezone: reportZone() };
  const path = withQuery('usage', { by: groupedBy, ...asked });
  const order = query.get('sort') ?? '';
  const sort = usageOrders.includes(order.replace(/^-/, '')) ? order : null;
  const compared = useMemo(() => comparedWith(span), [span]);
  const usage = useLoad<Usage>(
    withQuery('usage', {
      by: groupedBy,
      ...asked,
      sort,
      limit: isDaily ? maxDaily : maxSums,
      ...compared,
    }),
  );
  const field = fields[measure];
  const isGrouped = by !== 'day';
  // A week by hour and group of very many requests takes many seconds: its days are read at once.
  const isAsked = span !== '7d' || !isGrouped || (usage.data !== null && !usage.isOld);
  const isLarge = span === '7d' && isGrouped && (usage.data?.total.requests ?? 0) > manyRequests;
  const step = isLarge ? 'day' : spans[span].by;
  const stack =
    by === 'day' ? { by: step } : { by: `${step},${by}`, top: maxStacked, sort: `-${field}` };
  const series = useLoad<Usage>(isAsked ? withQuery('usage', { ...asked, ...stack }) : null);
  const chart = useMemo(() => {
    const labels = { only: t(measureName(measure)), others: t('All others') };
    return series.data && stacked(series.data, span, field, labels);
  }, [series.data, span, measure, language.value]);
  const isMonth = span === 'month' || span === 'last-month';
  const budgets = useLoad<{ budgets: Spent[] }>(
    isMonth && team !== '' ? withQuery('spend/budgets', { team }) : null,
  );
  const budget = isMonth ? monthlyBudget(budgets.data?.budgets ?? [], team) : null;
  const format = measure === 'cost' ? (value: number) => cost(value) : compact;
  return (
    <Page
      title={t('Usage and cost')}
      command={{ cli: `llmproxy usage${flagsOf({ by: groupedBy, ...period })}`, path }}
      actions={
        <a
          class="button"
          href={`admin/v1/${path}&format=csv`}
          download={`usage-by-${groupedBy.replace(',', '-')}.csv`}
        >
          {t('Download CSV')}
        </a>
      }
    >
      <div class="filters">
        <Choices
          label={t('Period')}
          value={span}
          of={(Object.keys(spans) as Span[]).map((each) => [each, spans[each].title] as const)}
          onChange={(value) => setQuery({ span: value })}
        />
        <Choices
          label={t('Sum by')}
          value={by}
          of={groupings}
          onChange={(value) => setQuery({ by: value })}
        />
        {role.value !== 'team' && <TeamFilter team={given} />}
        {by !== 'day' && (
          <Check
            label={t('For each day')}
            isChecked={isDaily}
            onChange={(isChecked) => setQuery({ daily: isChecked ? 'yes' : '' })}
          />
        )}
      </div>
      <Panel>
        <Loaded of={usage} lines={2}>
          {({ total, compared = null }) => (
            <Totals now={total} before={compared} period={period} span={span} budget={budget} />
          )}
        </Loaded>
      </Panel>
      <Panel
        title={t('Over time')}
        actions={
          <Choices
            label={t('Measure')}
            value={measure}
            of={measures}
            onChange={(value) => setQuery({ measure: value })}
          />
        }
      >
        <Loaded of={series}>
          {() =>
            chart && (
              <Chart
                label={t('Over time')}
                times={chart.times}
                stepSeconds={chart.stepSeconds}
                series={chart.series}
                format={format}
                isStacked
                linkOf={(at, name, last) =>
                  linkTo('requests', '', {
                    team: given,
                    ...stepPeriod(chart, at, last),
                    ...(name !== null && chart.names.has(name) ? { [by]: name } : {}),
                  })
                }
              />
            )
          }
        </Loaded>
      </Panel>
      <Panel>
        <Loaded of={usage} lines={8}>
          {({ usage: sums, total, by: summedBy, compared = null }) =>
            sums.length === 0 ? (
              <Empty
                title={t('No requests in this period')}
                actions={
                  <a class="button" href={linkTo('playground')}>
                    {t('Send a request')}
                  </a>
                }
              />
            ) : (
              <Sums
                sums={sums}
                total={total}
                by={summedBy?.split(',').at(-1) as Grouping}
                isDaily={summedBy?.startsWith('day,') === true}
                period={period}
                before={compared}
              />
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

type Compared = NonNullable<Usage['compared']>;

/** A period, and the only team that is summed. */
type Asked = Period & { team?: string };

function measureName(measure: Measure): string {
  return measures.find(([each]) => each === measure)?.[1] ?? '';
}

/** `+12.3 %`; undefined where there is nothing to compare with. */
function changeOf(now: number, before: number | undefined): string | undefined {
  if (!before) return undefined;
  const share = now / before - 1;
  return `${share >= 0 ? '+' : '−'}${percent(Math.abs(share))}`;
}

/** The monthly budget of a team and nothing else, in nano-dollars; null: none. */
function monthlyBudget(budgets: readonly Spent[], team: string): number | null {
  const own = budgets.find(
    ({ applies_to, window, is_enabled }) =>
      is_enabled && window === 'month' && applies_to.team === team,
  );
  return own?.amount ?? null;
}

interface TotalsProps {
  now: Sum;
  before: Compared | null;
  period: Asked;
  span: Span;
  /** Of the team, for a month; nano-dollars. */
  budget: number | null;
}

function Totals({ now, before, period, span, budget }: TotalsProps) {
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

function Sums({ sums, total, by, isDaily, period, before }: SumsProps) {
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
