import { useState } from 'preact/hooks';
import type { Status, Stop, Usage } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { compact, duration, percent, reportZone } from '../lib/format.js';
import { useLive } from '../lib/live.js';
import { useLoad } from '../lib/load.js';
import { choiceOf } from '../lib/route.js';
import { mayChangeProviders } from '../lib/session.js';
import { periodOf, rollingSpans, spans } from '../lib/timeline.js';
import { t } from '../lib/words.js';
import { Attention } from '../parts/attention.js';
import { Page, Panel, Stat } from '../parts/panel.js';
import { Loaded, State } from '../parts/state.js';
import { ResumeDialog, StopForm } from './forms/stop-form.js';
import { FirstSteps, useSteps } from './overview/first-steps.js';
import { Keys, Providers } from './overview/last-minute.js';
import { Traffic } from './overview/traffic.js';

const everyMs = 30_000;
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
