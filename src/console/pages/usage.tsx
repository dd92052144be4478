import { useMemo } from 'preact/hooks';
import type { Sum, Usage } from '../lib/answers.js';
import { type Json, withQuery } from '../lib/api.js';
import { compact, dateTime, day, duration, percent, reportZone } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { linkTo, route, setQuery } from '../lib/route.js';
import {
  type Period,
  periodBefore,
  periodOf,
  type Span,
  spans,
  timeline,
} from '../lib/timeline.js';
import { t } from '../lib/words.js';
import { Chart } from '../parts/chart.js';
import { Choices } from '../parts/choices.js';
import { Check } from '../parts/field.js';
import { Page, Panel, Stat } from '../parts/panel.js';
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

type Measure = (typeof measures)[number][0];

/** Maximum rows on a page; the file has all of them. */
const maxSums = 1_000;

/** The same period for the command line. */
function flagsOf({ since, until }: Period): string {
  return ` --since ${since}${until ? ` --until ${until}` : ''}`;
}

/** Usage and its cost, compared with the previous period. */
export function UsagePage() {
  const { query } = route.value;
  const by = (query.get('by') ?? 'key') as Grouping;
  const span = (query.get('span') ?? '7d') as Span;
  const measure = (query.get('measure') ?? 'cost') as Measure;
  const isDaily = query.get('daily') === 'yes' && by !== 'day';
  const groupedBy = isDaily ? `day,${by}` : by;
  const period = periodOf(span);
  const asked = { ...period, timezone: reportZone() };
  const path = withQuery('usage', { by: groupedBy, ...asked });
  const usage = useLoad<Usage>(withQuery('usage', { by: groupedBy, ...asked, limit: maxSums }));
  const compared = usage.isOld || !usage.data ? null : periodBefore(span, usage.data);
  const before = useLoad<Usage>(
    compared && withQuery('usage', { ...(isDaily || by === 'day' ? {} : { by }), ...compared }),
  );
  const series = useLoad<Usage>(withQuery('usage', { by: spans[span].by, ...asked }));
  const chart = useMemo(() => {
    if (!series.data) return null;
    const { times, sums, stepSeconds } = timeline(series.data, span);
    const values = sums.map((sum) => (sum ? amountOf(sum, measure) : 0));
    const label = measures.find(([each]) => each === measure)?.[1] ?? '';
    return {
      times,
      stepSeconds,
      series: [{ label: t(label), color: 0 as const, isBars: true, values }],
    };
  }, [series.data, span, measure]);
  const format = measure === 'cost' ? (value: number) => cost(value) : compact;
  return (
    <Page
      title={t('Usage and cost')}
      command={{ cli: `llmproxy usage --by ${groupedBy}${flagsOf(period)}`, path }}
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
          {({ total }) => <Totals now={total} before={before.data} />}
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
              />
            )
          }
        </Loaded>
      </Panel>
      <Panel>
        <Loaded of={usage} lines={8}>
          {({ usage: sums, total, by: summedBy }) =>
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
                before={before.data?.by === summedBy ? before.data : null}
              />
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

function amountOf(sum: Sum, measure: Measure): number {
  if (measure === 'cost') return sum.cost_nano;
  return measure === 'tokens' ? sum.total_tokens : sum.requests;
}

/** `+12.3 %`; undefined where there is nothing to compare with. */
function changeOf(now: number, before: number | undefined): string | undefined {
  if (!before) return undefined;
  const share = now / before - 1;
  return `${share >= 0 ? '+' : '−'}${percent(Math.abs(share))}`;
}

function Totals({ now, before }: { now: Sum; before: Json<Usage> | null }) {
  const change = (pick: (sum: Sum) => number) =>
    changeOf(pick(now), before ? pick(before.total) : undefined);
  const stats: [string, string, string | undefined][] = [
    [t('Cost'), cost(now.cost_nano), change((sum) => sum.cost_nano)],
    [t('Requests'), compact(now.requests), change((sum) => sum.requests)],
    [t('Input tokens'), compact(now.prompt_tokens), change((sum) => sum.prompt_tokens)],
    [t('Output tokens'), compact(now.completion_tokens), change((sum) => sum.completion_tokens)],
    [t('Errors'), percent(now.requests === 0 ? 0 : now.errors / now.requests), undefined],
    [t('Without a price'), compact(now.unpriced_requests), undefined],
  ];
  return (
    <>
      <div class="stats inner">
        {stats.map(([label, value, unit]) => (
          <Stat key={label} label={label} value={value} {...(unit ? { unit } : {})} />
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
  period: Period;
  /** Sums of the period before, of the same groups. */
  before: Json<Usage> | null;
}

function Sums({ sums, total, by, isDaily, period, before }: SumsProps) {
  const title = t(groupings.find(([each]) => each === by)?.[1] ?? '');
  const known = new Map(before?.usage.map((sum) => [keyOf(sum), sum.cost_nano]));
  const change = (sum: Sum) =>
    changeOf(sum.cost_nano, sum === total ? before?.total.cost_nano : known.get(keyOf(sum)));
  const columns: Column<Sum>[] = [
    ...(isDaily ? [{ title: t('Day'), value: ({ group }: Sum) => day(group ?? '') }] : []),
    {
      title,
      value: (sum) => <Group name={isDaily ? sum.subgroup : sum.group} by={by} period={period} />,
    },
    { title: t('Requests'), isNumber: true, value: ({ requests }) => compact(requests) },
    { title: t('Errors'), isNumber: true, value: (sum) => percent(sum.errors / sum.requests) },
    { title: t('Input tokens'), isNumber: true, value: (sum) => compact(sum.prompt_tokens) },
    { title: t('Output tokens'), isNumber: true, value: (sum) => compact(sum.completion_tokens) },
    { title: t('Cost'), isNumber: true, value: ({ cost_nano }) => cost(cost_nano) },
    ...(isDaily || by === 'day'
      ? []
      : [{ title: t('Change'), isNumber: true, value: (sum: Sum) => change(sum) ?? '–' }]),
    { title: t('Median'), isNumber: true, value: (sum) => duration(sum.duration_ms.p50) },
    { title: 'p95', isNumber: true, value: (sum) => duration(sum.duration_ms.p95) },
    { title: t('First token'), isNumber: true, value: (sum) => duration(sum.first_token_ms.p50) },
  ];
  const names = isDaily ? [t('Total'), ''] : [t('Total')];
  const all = columns.map((column, index) => names[index] ?? column.value(total));
  return (
    <Table label={t('Usage and cost')} columns={columns} rows={sums} keyOf={keyOf} total={all} />
  );
}

function keyOf({ group, subgroup, credential_id }: Sum): string {
  return `${group} ${subgroup} ${credential_id}`;
}

interface GroupProps {
  name: string | null;
  by: Grouping;
  period: Period;
}

/** A group, and the way to its requests. */
function Group({ name: group, by, period }: GroupProps) {
  if (group === null) return <span class="muted">{t('none')}</span>;
  if (by === 'day') return <>{day(group)}</>;
  return (
    <Cut text={group}>
      <a href={linkTo('requests', '', { [by]: group, ...period })}>{group}</a>
    </Cut>
  );
}
