import { useMemo } from 'preact/hooks';
import type { Usage } from '../../lib/answers.js';
import { compact, duration } from '../../lib/format.js';
import type { Loading } from '../../lib/load.js';
import { linkTo, setQuery } from '../../lib/route.js';
import { rollingSpans, type Span, spans, stepPeriod, timeline } from '../../lib/timeline.js';
import { t } from '../../lib/words.js';
import { Chart } from '../../parts/chart.js';
import { Choices } from '../../parts/choices.js';
import { Panel } from '../../parts/panel.js';
import { cost } from '../../parts/request-table.js';
import { Loaded, Skeleton } from '../../parts/state.js';

interface TrafficProps {
  usage: Loading<Usage>;
  span: Span;
}

const drawn = [
  ['Requests and errors', 'traffic', compact],
  ['Latency', 'latency', duration],
  ['Tokens', 'tokens', compact],
  ['Cost', 'cost', (nano: number) => cost(nano)],
] as const;

/** The traffic of a period as charts: requests, latency, tokens, cost. */
export function Traffic({ usage, span }: TrafficProps) {
  const line = useMemo(() => usage.data && timeline(usage.data, span), [usage.data, span]);
  const charts = useMemo(() => {
    if (!line) return null;
    const of = (pick: (index: number) => number | null) => line.times.map((_, i) => pick(i));
    return {
      traffic: [
        {
          label: t('Requests'),
          color: 0 as const,
          isBars: true,
          values: of((i) => line.sums[i]?.requests ?? 0),
        },
        {
          label: t('Errors'),
          color: 1 as const,
          isBars: true,
          values: of((i) => line.sums[i]?.errors ?? 0),
        },
      ],
      latency: [
        {
          label: 'p99',
          color: 4 as const,
          values: of((i) => line.sums[i]?.duration_ms.p99 ?? null),
        },
        {
          label: 'p95',
          color: 3 as const,
          values: of((i) => line.sums[i]?.duration_ms.p95 ?? null),
        },
        {
          label: t('Median'),
          color: 0 as const,
          values: of((i) => line.sums[i]?.duration_ms.p50 ?? null),
        },
      ],
      tokens: [
        {
          label: t('Input tokens'),
          color: 0 as const,
          values: of((i) => line.sums[i]?.prompt_tokens ?? 0),
        },
        {
          label: t('Output tokens'),
          color: 2 as const,
          values: of((i) => line.sums[i]?.completion_tokens ?? 0),
        },
      ],
      cost: [
        {
          label: t('Cost'),
          color: 0 as const,
          isBars: true,
          values: of((i) => line.sums[i]?.cost_nano ?? 0),
        },
      ],
    };
  }, [line]);
  const total = usage.data?.total;
  return (
    <>
      <div class="line traffic-head">
        <h2>{t('Traffic')}</h2>
        <Choices
          label={t('Period')}
          value={span}
          of={rollingSpans.map((each) => [each, spans[each].title] as const)}
          onChange={(value) => setQuery({ span: value })}
        />
        {total && (
          <span class="muted small">
            {t('{requests} requests, {tokens} tokens, {cost}', {
              requests: compact(total.requests),
              tokens: compact(total.total_tokens),
              cost: cost(total.cost_nano),
            })}
          </span>
        )}
      </div>
      {usage.data === null && !usage.error ? (
        <Panel>
          <Skeleton />
        </Panel>
      ) : (
        <div class="grid charts">
          {drawn.map(([title, of, format]) => (
            <Panel title={t(title)} key={of}>
              <Loaded of={usage}>
                {() =>
                  line &&
                  charts && (
                    <Chart
                      label={t(title)}
                      times={line.times}
                      stepSeconds={line.stepSeconds}
                      series={charts[of]}
                      format={format}
                      linkOf={(step, name, last) =>
                        linkTo('requests', '', {
                          ...stepPeriod(line, step, last),
                          status: name === t('Errors') ? 'error' : '',
                        })
                      }
                    />
                  )
                }
              </Loaded>
            </Panel>
          ))}
        </div>
      )}
    </>
  );
}
