import { useState } from 'preact/hooks';
import type { Mirror, MirrorStatus } from '../lib/answers.js';
import { call, withQuery } from '../lib/api.js';
import { compact, duration, percent } from '../lib/format.js';
import { type Loading, useLoad } from '../lib/load.js';
import { choiceOf, linkTo, setQuery } from '../lib/route.js';
import { mayChangeRules } from '../lib/session.js';
import { shellWord } from '../lib/shell-word.js';
import { useTask } from '../lib/task.js';
import { t } from '../lib/words.js';
import { Bounded, boundedColumns } from '../parts/bounded.js';
import { Choices } from '../parts/choices.js';
import { copiesGoTo } from '../parts/copies-go-to.js';
import { DeleteDialog } from '../parts/delete-dialog.js';
import { selectorsText } from '../parts/fields/selector-fields.js';
import { Page, Panel } from '../parts/panel.js';
import { cost } from '../parts/request-table.js';
import { Empty, Failure, Loaded, State } from '../parts/state.js';
import { Table } from '../parts/table.js';
import { toast } from '../parts/toast.js';
import { MirrorForm } from './forms/mirror-form.js';

const periods = [
  ['1h', '1 hour'],
  ['24h', '24 hours'],
  ['7d', '7 days'],
] as const;

/** One mirror: its rules, and a comparison of clients' answers with those of copies. */
export function MirrorPage({ name }: { name: string }) {
  const since = choiceOf(
    'since',
    periods.map(([period]) => period),
    '24h',
  );
  const path = `mirrors/${encodeURIComponent(name)}`;
  const seen = withQuery('canary/status', { only: 'mirrors', name, since });
  const row = useLoad<{ mirror: Mirror }>(path);
  const status = useLoad<{ mirrors: MirrorStatus[] }>(seen);
  const [shown, setShown] = useState<'edit' | 'delete' | null>(null);
  const task = useTask();
  const mirror = row.data?.mirror ?? null;
  const close = () => {
    setShown(null);
    row.reload();
    status.reload();
  };
  const enable = async (is_enabled: boolean) => {
    const body = { is_enabled };
    if (!(await task.run(() => call(`${path}?wait=active`, { method: 'PUT', body })))) return;
    toast(t(is_enabled ? '{name} is used again' : '{name} sends no more copies', { name }));
    close();
  };
  return (
    <Page
      title={name}
      command={{ cli: `llmproxy canary status ${shellWord(name)}`, path: seen }}
      actions={
        <>
          {mirror && mayChangeRules.value && (
            <>
              <button
                type="button"
                disabled={task.isBusy}
                onClick={() => void enable(!mirror.is_enabled)}
              >
                {t(mirror.is_enabled ? 'Pause' : 'Use it again')}
              </button>
              <button type="button" onClick={() => setShown('edit')}>
                {t('Edit')}
              </button>
              <button type="button" onClick={() => setShown('delete')}>
                {t('Delete')}
              </button>
            </>
          )}
          <a href={linkTo('mirrors')}>{t('All mirrors')}</a>
        </>
      }
    >
      {task.error && <Failure error={task.error} />}
      {row.error?.status === 404 ? (
        <Empty title={t('There is no such mirror')}>
          <a href={linkTo('mirrors')}>{t('All mirrors')}</a>
        </Empty>
      ) : (
        <Findings row={row} status={status} since={since} />
      )}
      {shown === 'edit' && mirror && <MirrorForm mirror={mirror} onClose={close} />}
      {shown === 'delete' && (
        <DeleteDialog
          name={name}
          path={path}
          onClose={() => setShown(null)}
          onDone={() => {
            location.hash = linkTo('mirrors');
          }}
        >
          {t('No more copies are sent. What is compared so far is no longer shown.')}
        </DeleteDialog>
      )}
    </Page>
  );
}

interface FindingsProps {
  row: Loading<{ mirror: Mirror }>;
  status: Loading<{ mirrors: MirrorStatus[] }>;
  since: (typeof periods)[number][0];
}

function Findings({ row, status, since }: FindingsProps) {
  return (
    <>
      <Panel title={t('Rules')}>
        <div class="body">
          <Loaded of={row}>{({ mirror }) => <Rules mirror={mirror} />}</Loaded>
        </div>
      </Panel>
      <Panel
        title={t('Answers of clients and of copies')}
        actions={
          <Choices
            label={t('Period')}
            value={since}
            of={periods}
            onChange={(value) => setQuery({ since: value })}
          />
        }
      >
        <Loaded of={status}>
          {({ mirrors: [compared] }) =>
            compared === undefined || compared.pairs === 0 ? (
              <Empty title={t('No copies in this period')}>
                {t('They are compared as soon as the first requests were mirrored.')}
              </Empty>
            ) : (
              <Compared of={compared} />
            )
          }
        </Loaded>
      </Panel>
    </>
  );
}

function Rules({ mirror }: { mirror: Mirror }) {
  const { applies_to, is_enabled, sample_percent, max_concurrency, budget, window } = mirror;
  return (
    <dl class="facts">
      <dt>{t('State')}</dt>
      <dd>
        <State tone={is_enabled ? 'good' : 'plain'}>{t(is_enabled ? 'Works' : 'Disabled')}</State>
      </dd>
      <dt>{t('Whose requests')}</dt>
      <dd>{selectorsText(applies_to)}</dd>
      <dt>{t('Sample')}</dt>
      <dd>{percent(sample_percent / 100)}</dd>
      <dt>{t('To')}</dt>
      <dd>{copiesGoTo(mirror)}</dd>
      <dt>{t('Copies at once')}</dt>
      <dd>{compact(max_concurrency)}</dd>
      <dt>{t('Budget')}</dt>
      <dd>{budget === null ? t('unlimited') : `${cost(budget)} · ${t(window)}`}</dd>
      <dt>{t('Webhook')}</dt>
      <dd>{mirror.webhook ?? t('none')}</dd>
    </dl>
  );
}

function Compared({ of: { pairs, client, copy, score } }: { of: MirrorStatus }) {
  return (
    <>
      <Table
        label={t('Answers of clients and of copies')}
        rows={[
          { name: t('Clients'), side: client },
          { name: t('Copies'), side: copy },
        ]}
        keyOf={({ name }) => name}
        columns={[
          { title: t('Answers'), value: ({ name }) => name },
          { title: t('Cost, mean'), isNumber: true, value: ({ side }) => cost(side.cost_nano) },
          ...boundedColumns(),
          {
            title: t('First token'),
            isNumber: true,
            value: ({ side }) => <Bounded of={side.first_token_p50_ms} format={duration} />,
          },
          {
            title: t('Output tokens, mean'),
            isNumber: true,
            value: ({ side }) =>
              side.completion_tokens === null ? '–' : compact(Math.round(side.completion_tokens)),
          },
        ]}
      />
      <p class="body muted small">
        {t('{count} pairs. In brackets: the bounds in 95 of 100 samples.', { count: pairs })}{' '}
        {score &&
          t('The webhook scored {count} of them, {mean} in the mean.', {
            count: score.count,
            mean: score.mean.toFixed(3),
          })}
      </p>
    </>
  );
}
