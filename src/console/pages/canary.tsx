import { useState } from 'preact/hooks';
import type { Canary, CanaryStatus, SideStatus } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { compact, dateTime, duration } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { linkTo } from '../lib/route.js';
import { mayChangeProviders } from '../lib/session.js';
import { shellWord } from '../lib/shell-word.js';
import { t } from '../lib/words.js';
import { boundedColumns } from '../parts/bounded.js';
import { CanaryState, targetOf } from '../parts/canary-state.js';
import { DeleteDialog } from '../parts/delete-dialog.js';
import { Page, Panel } from '../parts/panel.js';
import { Empty, Loaded } from '../parts/state.js';
import { Cut, Table } from '../parts/table.js';
import { CanaryChange, type CanaryChangeKind, canaryChanges } from './canary-change.js';
import { CanaryForm } from './forms/canary-form.js';

/** One canary: its progress, its two sides, and possible actions. */
export function CanaryPage({ name }: { name: string }) {
  const path = withQuery('canary/status', { only: 'canaries', name });
  const status = useLoad<{ canaries: CanaryStatus[] }>(path, 3_000);
  const row = useLoad<{ canary: Canary }>(`canaries/${encodeURIComponent(name)}`);
  const [shown, setShown] = useState<CanaryChangeKind | 'edit' | 'delete' | null>(null);
  const [canary] = status.data?.canaries ?? [];
  const close = () => {
    setShown(null);
    status.reload();
    row.reload();
  };
  return (
    <Page
      title={name}
      command={{ cli: `llmproxy canary status ${shellWord(name)}`, path }}
      actions={
        <>
          {canary && mayChangeProviders.value && (
            <>
              {(Object.keys(canaryChanges) as CanaryChangeKind[])
                .filter((kind) => canaryChanges[kind].isPossible(canary))
                .map((kind) => (
                  <button type="button" key={kind} onClick={() => setShown(kind)}>
                    {t(canaryChanges[kind].text)}
                  </button>
                ))}
              <button type="button" onClick={() => setShown('edit')}>
                {t('Edit')}
              </button>
              <button type="button" onClick={() => setShown('delete')}>
                {t('Delete')}
              </button>
            </>
          )}
          <a href={linkTo('canaries')}>{t('All canaries')}</a>
        </>
      }
    >
      <Loaded of={status}>
        {() =>
          canary ? (
            <Compared canary={canary} row={row.data?.canary ?? null} />
          ) : (
            <Empty title={t('There is no such canary')}>
              <a href={linkTo('canaries')}>{t('All canaries')}</a>
            </Empty>
          )
        }
      </Loaded>
      {shown === 'edit' && row.data && (
        <CanaryForm canary={row.data.canary as Canary} onClose={close} />
      )}
      {shown === 'delete' && (
        <DeleteDialog
          name={name}
          path={`canaries/${encodeURIComponent(name)}`}
          onClose={() => setShown(null)}
          onDone={() => {
            location.hash = linkTo('canaries');
          }}
        >
          {t('Its requests go where weights and mappings send them.')}
        </DeleteDialog>
      )}
      {canary && shown !== null && shown !== 'edit' && shown !== 'delete' && (
        <CanaryChange kind={shown} canary={canary} onClose={close} />
      )}
    </Page>
  );
}

function Compared({ canary, row }: { canary: CanaryStatus; row: Canary | null }) {
  const { model, from_provider, steps, step, percent: moved, reason, changed_at } = canary;
  const { max_error_percent, max_latency_ms, from, to } = canary;
  const bounds = [
    ...(max_error_percent === null
      ? []
      : [t('errors above {percent} %', { percent: max_error_percent })]),
    ...(max_latency_ms === null ? [] : [t('p95 above {time}', { time: duration(max_latency_ms) })]),
  ];
  return (
    <>
      <Panel title={t('Where it is')}>
        <div class="body">
          <dl class="facts">
            <dt>{t('State')}</dt>
            <dd>
              <CanaryState of={canary} />
            </dd>
            {reason !== null && (
              <>
                <dt>{t('Reason')}</dt>
                <dd>{reason}</dd>
              </>
            )}
            <dt>{t('Moves')}</dt>
            <dd>
              <ol class="moves">
                {steps.map((each, index) => (
                  <li
                    key={each}
                    class={moved > 0 && index < step ? 'done' : ''}
                    aria-current={moved > 0 && index === step ? 'step' : undefined}
                  >
                    {each} %
                  </li>
                ))}
              </ol>
            </dd>
            <dt>{t('Requests for')}</dt>
            <dd>{model ?? t('every model')}</dd>
            <dt>{t('From')}</dt>
            <dd>{from_provider}</dd>
            <dt>{t('To')}</dt>
            <dd>{targetOf(canary)}</dd>
            <dt>{t('Goes back at')}</dt>
            <dd>{bounds.join(', ') || t('nothing')}</dd>
            {row && (
              <>
                <dt>{t('Each step')}</dt>
                <dd>
                  {t('at least {time} and {count} requests', {
                    time: duration(row.step_seconds * 1_000),
                    count: row.min_requests,
                  })}
                </dd>
              </>
            )}
            <dt>{t('Since')}</dt>
            <dd>{changed_at === null ? '–' : dateTime(changed_at)}</dd>
          </dl>
        </div>
      </Panel>
      <Panel title={t('Both sides')}>
        <Table<{ name: string; side: SideStatus }>
          label={t('Both sides')}
          rows={[
            { name: from_provider, side: from },
            { name: targetOf(canary), side: to },
          ]}
          keyOf={({ name }) => name}
          columns={[
            { title: t('Provider'), value: ({ name }) => <Cut text={name} /> },
            { title: t('Requests'), isNumber: true, value: ({ side }) => compact(side.requests) },
            ...boundedColumns(),
          ]}
        />
        <p class="body muted small">
          {t(
            'Of this step, of all daemons. In brackets: the bounds that 95 of 100 samples lie between. Latency is the time until an answer begins.',
          )}
        </p>
      </Panel>
    </>
  );
}
