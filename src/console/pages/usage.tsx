import { useMemo } from 'preact/hooks';
import type { Sum, Usage } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { compact, day, duration, percent } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { linkTo, route, setQuery } from '../lib/route.js';
import { type Span, spans, timeline } from '../lib/timeline.js';
import { t } from '../lib/words.js';
import { Chart } from '../parts/chart.js';
import { Choices } from '../parts/choices.js';
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

const spanDays = { '1h': 1 / 24, '24h': 1, '7d': 7, '30d': 30 } as const;

/** Usage and its cost, compared with the previous period. */
export function UsagePage() {
  const { query } = route.value;
  const by = (query.get('by') ?? 'key') as Grouping;
  const span = (query.get('span') ?? '7d') as Span;
  const measure = (query.get('measure') ?? 'cost') as Measure;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const timezone = zone === 'UTC' ? null : zone;
  const sinceMs = spanDays[span] * 86_400_000;
  const asked = { by, since: spans[span].since, timezone };
  const path = withQuery('usage', asked);
  const usage = useLoad<Usage>(withQuery('usage', { ...asked, limit: maxSums }));
  const end = usage.data?.since;
  const before = useLoad<Usage>(
    end
      ? withQuery('usage', {
          since: new Date(Date.parse(end) - sinceMs).toISOString(),
          until: end,
        })
      : null,
  );
  const series = useLoad<Usage>(
    withQuery('usage', { by: spans[span].by, since: spans[span].since }),
  );
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
      command={{ cli: `llmproxy usage --by ${by} --since ${spans[span].since}`, path }}
      actions={
        <a class="button" href={`admin/v1/${path}&format=csv`} download={`usage-by-${by}.csv`}>
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
      </div>
      <Panel>
        <Loaded of={usage} lines={2}>
          {({ total }) => <Totals now={total} before={before.data?.total ?? null} />}
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
              <Empty title={t('No requests in this period')} />
            ) : (
              <Sums sums={sums} total={total} by={summedBy as Grouping} />
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

function Totals({ now, before }: { now: Sum; before: Sum | null }) {
  const change = (pick: (sum: Sum) => number) => {
    if (!before || pick(before) === 0) return undefined;
    const share = pick(now) / pick(before) - 1;
    return `${share >= 0 ? '+' : '−'}${percent(Math.abs(share))}`;
  };
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
        {t('Changes are against the period of the same length before.')}
      </p>
    </>
  );
}

function Sums({ sums, total, by }: { sums: readonly Sum[]; total: Sum; by: Grouping }) {
  const title = t(groupings.find(([each]) => each === by)?.[1] ?? '');
  const columns: Column<Sum>[] = [
    { title, value: (sum) => <Group sum={sum} by={by} /> },
    { title: t('Requests'), isNumber: true, value: ({ requests }) => compact(requests) },
    { title: t('Errors'), isNumber: true, value: (sum) => percent(sum.errors / sum.requests) },
    { title: t('Input tokens'), isNumber: true, value: (sum) => compact(sum.prompt_tokens) },
    { title: t('Output tokens'), isNumber: true, value: (sum) => compact(sum.completion_tokens) },
    { title: t('Cost'), isNumber: true, value: ({ cost_nano }) => cost(cost_nano) },
    { title: t('Median'), isNumber: true, value: (sum) => duration(sum.duration_ms.p50) },
    { title: 'p95', isNumber: true, value: (sum) => duration(sum.duration_ms.p95) },
    { title: t('First token'), isNumber: true, value: (sum) => duration(sum.first_token_ms.p50) },
  ];
  const all = columns.map((column, index) => (index === 0 ? t('Total') : column.value(total)));
  return (
    <Table
      label={t('Usage and cost')}
      columns={columns}
      rows={sums}
      keyOf={({ group, credential_id }) => `${group} ${credential_id}`}
      total={all}
    />
  );
}

function Group({ sum: { group }, by }: { sum: Sum; by: Grouping }) {
  if (group === null) return <span class="muted">{t('none')}</span>;
  if (by === 'day') return <>{day(group)}</>;
  if (by === 'user' || by === 'tag') return <Cut text={group} />;
  return (
    <Cut text={group}>
      <a href={linkTo('requests', '', { [by]: group, since: '7d' })}>{group}</a>
    </Cut>
  );
}
