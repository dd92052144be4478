import { useMemo } from 'preact/hooks';
import type { Spent, Usage } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { flagsOf } from '../lib/command-text.js';
import { compact, reportZone } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { choiceOf, linkTo, route, setQuery } from '../lib/route.js';
import { role, session } from '../lib/session.js';
import { comparedWith, periodOf, type Span, spans, stepPeriod } from '../lib/timeline.js';
import { stacked } from '../lib/usage-stack.js';
import { language, t } from '../lib/words.js';
import { Chart } from '../parts/chart.js';
import { Choices } from '../parts/choices.js';
import { Check } from '../parts/fields/field.js';
import { TeamFilter } from '../parts/fields/team-filter.js';
import { Page, Panel } from '../parts/panel.js';
import { cost } from '../parts/request-table.js';
import { Empty, Loaded } from '../parts/state.js';
import { type Grouping, groupings } from './usage/asked.js';
import { maxStacked, useFirsts } from './usage/firsts.js';
import { maxDaily, maxSums, Sums } from './usage/sums.js';
import { Totals } from './usage/totals.js';

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
/** Requests of a week from which its chart has days instead of hours. */
const manyRequests = 1_000_000;

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
  const field = fields[measure];
  const isGrouped = by !== 'day';
  const chartOrder = `-${field}`;
  const isSorted = usageOrders.includes(order.replace(/^-/, ''));
  const sort = isSorted ? order : isGrouped ? chartOrder : null;
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
  const isRanked = isGrouped && !isDaily && sort === chartOrder;
  const firsts = useFirsts(usage, withQuery(by, { ...asked, measure }), isRanked);
  // A week by hour and group of very many requests takes many seconds: its days are read at once.
  const needsTable = isRanked || (span === '7d' && isGrouped);
  const isAsked = firsts !== null || !needsTable || (usage.data !== null && !usage.isOld);
  const isLarge = span === '7d' && isGrouped && (usage.data?.total.requests ?? 0) > manyRequests;
  const step = isLarge ? 'day' : spans[span].by;
  const kept = firsts === null ? { top: maxStacked, sort: chartOrder } : { keep: firsts };
  const stack = isGrouped ? { by: `${step},${by}`, ...kept } : { by: step };
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

function measureName(measure: Measure): string {
  return measures.find(([each]) => each === measure)?.[1] ?? '';
}

/** The monthly budget of a team and nothing else, in nano-dollars; null: none. */
function monthlyBudget(budgets: readonly Spent[], team: string): number | null {
  const own = budgets.find(
    ({ applies_to, window, is_enabled }) =>
      is_enabled && window === 'month' && applies_to.team === team,
  );
  return own?.amount ?? null;
}
