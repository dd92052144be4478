import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Key, RequestList, Status, Stop, Team, Usage } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { compact, duration, percent, reportZone } from '../lib/format.js';
import { useLive } from '../lib/live.js';
import { type Loading, useLoad } from '../lib/load.js';
import { choiceOf, linkTo, setQuery } from '../lib/route.js';
import { mayChangeProviders } from '../lib/session.js';
import { periodOf, rollingSpans, type Span, spans, stepPeriod, timeline } from '../lib/timeline.js';
import { t } from '../lib/words.js';
import { Attention } from '../parts/attention.js';
import { Chart } from '../parts/chart.js';
import { Choices } from '../parts/choices.js';
import { Bar, Page, Panel, Stat } from '../parts/panel.js';
import { ProviderState } from '../parts/provider-state.js';
import { cost } from '../parts/request-table.js';
import { Empty, Loaded, Skeleton, State } from '../parts/state.js';
import { Cut, numbers, Table } from '../parts/table.js';
import { ResumeDialog, StopForm } from './forms/stop-form.js';

const everyMs = 30_000;
/** Rows of each table: the pages of providers and keys have all of them. */
const maxRows = 10;
/** Providers asked for: those with a problem first, then the busiest. */
const maxProviders = 100;

/** Current traffic, and problems with their remedies. */
export function Overview() {
  const [live, setLive] = useState<Status | null>(null);
  const first = useLoad<Status>(withQuery('status', { limit: maxProviders }));
  const liveState = useLive({ topics: 'status', limit: maxProviders }, (event, data) => {
    if (event === 'status') setLive(data as Status);
  });
  const status = live ?? first.data;
  const span = choiceOf('span', rollingSpans, '1h');
  const { by } = spans[span];
  const path = withQuery('usage', { by, ...periodOf(span), timezone: reportZone() });
  const usage = useLoad<Usage>(path, everyMs);
  const stops = useLoad<{ stops: Stop[] }>('stops', everyMs);
  const [shown, setShown] = useState<Stop | 'form' | null>(null);
  const close = () => {
    setShown(null);
    stops.reload();
  };
  const steps = useSteps(status);
  const isNew = steps?.some(({ isDone, isOptional }) => !isDone && !isOptional) ?? false;
  return (
    <Page
      title={t('Overview')}
      command={{ cli: 'llmproxy status --watch', path: 'status' }}
      actions={
        <>
          {mayChangeProviders.value && (
            <button type="button" class="danger" onClick={() => setShown('form')}>
              {t('Stop requests')}
            </button>
          )}
          <State tone={liveState === 'live' ? 'good' : liveState === 'lost' ? 'bad' : 'plain'}>
            {t(liveState === 'live' ? 'Live' : liveState === 'paused' ? 'Paused' : 'Connecting')}
          </State>
        </>
      }
    >
      {status === null ? (
        <Panel>
          <Loaded of={first}>{() => null}</Loaded>
        </Panel>
      ) : (
        <>
          {isNew && <FirstSteps steps={steps ?? []} />}
          <Attention status={status} stops={stops.data?.stops ?? []} onResume={setShown} />
          <Numbers status={status} />
        </>
      )}
      {!(isNew && usage.data?.total.requests === 0) && <Traffic usage={usage} span={span} />}
      {status && !isNew && (
        <div class="grid tables">
          <Providers status={status} />
          <Keys status={status} />
        </div>
      )}
      {shown === 'form' && <StopForm onClose={close} />}
      {shown !== null && shown !== 'form' && <ResumeDialog stop={shown} onClose={close} />}
    </Page>
  );
}

function Numbers({ status: { requests } }: { status: Status }) {
  const share = requests.requests === 0 ? 0 : requests.errors / requests.requests;
  return (
    <div class="stats">
      <Stat label={t('Requests / min')} value={compact(requests.requests)} />
      <Stat label={t('Errors')} value={percent(share)} isBad={share > 0.05} />
      <Stat label={t('In flight')} value={compact(requests.in_flight)} />
      <Stat label={t('Median')} value={duration(requests.p50_ms)} />
      <Stat label="p95" value={duration(requests.p95_ms)} />
      <Stat label="p99" value={duration(requests.p99_ms)} />
      <Stat label={t('Tokens / min')} value={compact(requests.tokens)} />
    </div>
  );
}

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

function Traffic({ usage, span }: TrafficProps) {
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

function Providers({ status: { providers } }: { status: Status }) {
  return (
    <Panel
      title={t('Providers, last minute')}
      actions={<a href={linkTo('providers')}>{t('All providers')}</a>}
    >
      {providers.length === 0 ? (
        <Empty title={t('No providers yet')} />
      ) : (
        <Table
          label={t('Providers, last minute')}
          rows={providers}
          partRows={maxRows}
          orderName="providers"
          keyOf={({ provider }) => provider}
          columns={[
            {
              title: t('Provider'),
              value: ({ provider }) => (
                <Cut text={provider}>
                  <a href={linkTo('requests', '', { provider, since: '15m' })}>{provider}</a>
                </Cut>
              ),
              sort: 'provider',
              by: ({ provider }) => provider,
            },
            {
              title: t('State'),
              value: ({ state }) => <ProviderState state={state} />,
              sort: 'state',
              by: ({ state }) => state,
            },
            numbers(t('Share'), 'share', (share: number) => (
              <Bar share={share} text={percent(share)} />
            )),
            numbers(t('Requests'), 'requests', compact),
            numbers(t('Errors'), 'errors', compact),
            numbers(t('Latency'), 'latency_ms', duration),
          ]}
        />
      )}
    </Panel>
  );
}

function Keys({ status: { keys } }: { status: Status }) {
  return (
    <Panel
      title={t('Busiest keys, last minute')}
      actions={<a href={linkTo('keys')}>{t('All keys')}</a>}
    >
      {keys.length === 0 ? (
        <Empty title={t('No requests in the last minute')} />
      ) : (
        <Table
          label={t('Busiest keys, last minute')}
          rows={keys}
          partRows={maxRows}
          orderName="keys"
          keyOf={({ key }) => key}
          columns={[
            {
              title: t('Key'),
              value: ({ key }) => (
                <Cut text={key}>
                  <a href={linkTo('requests', '', { key, since: '15m' })}>{key}</a>
                </Cut>
              ),
              sort: 'key',
              by: ({ key }) => key,
            },
            numbers(t('Requests'), 'requests', compact),
            numbers(t('Errors'), 'errors', compact),
            numbers(t('Limited'), 'limited', compact),
            numbers(t('Tokens'), 'tokens', compact),
          ]}
        />
      )}
    </Panel>
  );
}

interface Step {
  isDone: boolean;
  /** A gateway works without it. */
  isOptional?: boolean;
  title: string;
  text: string;
  link: string;
}

/** Steps that a new gateway still needs before its first request; null while unknown. */
function useSteps(status: Status | null): Step[] | null {
  const hasProvider = (status?.providers.length ?? 0) > 0;
  const isBusy = (status?.requests.requests ?? 0) > 0;
  const keys = useLoad<{ credentials: Key[] }>(isBusy ? null : 'credentials?limit=1');
  const teams = useLoad<{ teams: Team[] }>(isBusy ? null : 'teams?limit=1');
  const [everyMs, setEveryMs] = useState(5_000);
  const requests = useLoad<RequestList>(isBusy ? null : 'requests?limit=1&since=30d', everyMs);
  const hasRequests = (requests.data?.requests.length ?? 0) > 0;
  useEffect(() => {
    if (hasRequests) setEveryMs(0);
  }, [hasRequests]);
  if (status === null || isBusy || !keys.data || !teams.data || !requests.data) return null;
  return [
    {
      isDone: hasProvider,
      title: t('Add a provider'),
      text: t('Where requests are sent to: OpenAI, Anthropic, or a server of your own.'),
      link: linkTo('providers', '', { add: 'first' }),
    },
    {
      isDone: teams.data.teams.length > 0,
      isOptional: true,
      title: t('Create a team'),
      text: t('Optional: its keys share limits and a budget, and usage is summed by team.'),
      link: linkTo('teams', '', { add: 'first' }),
    },
    {
      isDone: keys.data.credentials.length > 0,
      title: t('Create a key'),
      text: t('Each client has a key of its own, with its models and limits.'),
      link: linkTo('keys', '', { add: 'first' }),
    },
    {
      isDone: hasRequests,
      title: t('Send a request'),
      text: t('Try a model in the playground and see what it cost.'),
      link: linkTo('playground'),
    },
  ];
}

/** Guides an empty gateway to its first request. */
function FirstSteps({ steps }: { steps: readonly Step[] }) {
  const next = steps.find(({ isDone }) => !isDone);
  return (
    <Panel title={t('First steps')}>
      <ol class="steps">
        {steps.map(({ isDone, title, text, link }) => (
          <li key={title} class={isDone ? 'done' : ''}>
            <div>
              <h3>{title}</h3>
              {!isDone && <p class="muted">{text}</p>}
            </div>
            {!isDone && (
              <a class={title === next?.title ? 'button primary' : 'button'} href={link}>
                {title}
              </a>
            )}
          </li>
        ))}
      </ol>
    </Panel>
  );
}
