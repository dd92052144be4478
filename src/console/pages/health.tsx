import { useState } from 'preact/hooks';
import type { DoctorReport, Status } from '../lib/answers.js';
import { age, bytes, compact, dateTime, duration } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { role } from '../lib/session.js';
import { t } from '../lib/words.js';
import { Page, Panel } from '../parts/panel.js';
import { Empty, Loaded, State } from '../parts/state.js';
import { Cut, numbers, Table } from '../parts/table.js';

interface Setting {
  name: string;
  value: unknown;
  origin: string;
  source: string | null;
}

/** This gateway's processes, version and settings. */
export function Health() {
  const status = useLoad<Status>('status?limit=0', 3_000);
  const settings = useLoad<{ settings: Setting[] }>('config/settings');
  const [onlyChanged, setOnlyChanged] = useState(true);
  return (
    <Page title={t('Health')} command={{ cli: 'llmproxy doctor', path: 'status' }}>
      <div class="grid">
        <Panel title={t('This gateway')} isStale={status.error !== null}>
          <Loaded of={status}>{(now) => <Facts status={now} />}</Loaded>
        </Panel>
        <Panel title={t('Workers')} isStale={status.error !== null}>
          <Loaded of={status}>
            {({ workers }) => (
              <Table
                label={t('Workers')}
                rows={workers}
                keyOf={({ worker }) => worker}
                orderName="workers"
                columns={[
                  {
                    title: t('Worker'),
                    value: ({ worker }) => worker,
                    sort: 'worker',
                    by: ({ worker }) => worker,
                  },
                  numbers(t('In flight'), 'in_flight', compact),
                  numbers(t('Event loop p99'), 'loop_delay_p99_ms', duration),
                  numbers(t('Memory'), 'rss_bytes', bytes),
                ]}
              />
            )}
          </Loaded>
        </Panel>
      </div>
      {role.value === 'admin' && <Doctor />}
      <Panel
        title={t('Settings')}
        actions={
          <label class="check small">
            <input
              type="checkbox"
              checked={onlyChanged}
              onChange={(event) => setOnlyChanged(event.currentTarget.checked)}
            />
            {t('Only those that are set')}
          </label>
        }
      >
        <Loaded of={settings}>
          {({ settings: all }) => {
            const rows = all.filter(({ origin }) => !onlyChanged || origin !== 'default');
            return rows.length === 0 ? (
              <Empty title={t('Every setting has its default')} />
            ) : (
              <Table
                label={t('Settings')}
                rows={rows}
                keyOf={({ name }) => name}
                columns={[
                  {
                    title: t('Name'),
                    value: ({ name }) => <code>{name}</code>,
                    sort: 'name',
                    by: ({ name }) => name,
                  },
                  {
                    title: t('Value'),
                    value: ({ value }) => <Cut isWide text={JSON.stringify(value)} />,
                  },
                  {
                    title: t('Origin'),
                    value: ({ origin }) => t(origin),
                    sort: 'origin',
                    by: ({ origin }) => origin,
                  },
                  { title: t('Source'), value: ({ source }) => <Cut isWide text={source ?? ''} /> },
                ]}
              />
            );
          }}
        </Loaded>
      </Panel>
    </Page>
  );
}

function Facts({ status }: { status: Status }) {
  const isWhole = status.workers.length >= status.workers_desired;
  return (
    <div class="body">
      <dl class="facts">
        <dt>{t('State')}</dt>
        <dd>
          <State tone={isWhole ? 'good' : 'warn'}>
            {t('{count} of {all} workers serve', {
              count: status.workers.length,
              all: status.workers_desired,
            })}
          </State>
        </dd>
        <dt>{t('Version')}</dt>
        <dd>{status.version}</dd>
        <dt>{t('Running for')}</dt>
        <dd>{age(Date.now() - status.uptime_seconds * 1_000)}</dd>
        <dt>{t('Configuration')}</dt>
        <dd>
          {t('version {version}', { version: status.config.version })}{' '}
          <span class="muted">{t('since {time}', { time: dateTime(status.config.since) })}</span>
        </dd>
      </dl>
    </div>
  );
}

/** Rows drawn at once: each provider is a check. */
const maxChecks = 50;
const states = { ok: ['good', 'ok'], warn: ['warn', 'warning'], fail: ['bad', 'fails'] } as const;
const order = { fail: 0, warn: 1, ok: 2 } as const;

/** The report of `llmproxy doctor` about this machine; what needs attention stands first. */
function Doctor() {
  const [isAsked, setAsked] = useState(false);
  const report = useLoad<DoctorReport>(isAsked ? 'doctor' : null);
  const isBusy = isAsked && report.isLoading;
  const examine = () => (isAsked ? report.reload() : setAsked(true));
  return (
    <Panel
      title={t('Doctor')}
      isStale={isBusy}
      actions={
        <button type="button" disabled={isBusy} onClick={examine}>
          {t(isBusy ? 'Examining' : 'Examine')}
        </button>
      }
    >
      {isAsked ? (
        <Loaded of={report}>
          {({ checks }) => (
            <Table
              label={t('Doctor')}
              rows={[...checks].sort((a, b) => order[a.state] - order[b.state])}
              keyOf={({ check, detail }) => `${check} ${detail}`}
              partRows={maxChecks}
              orderName="checks"
              columns={[
                {
                  title: t('State'),
                  value: ({ state }) => (
                    <State tone={states[state][0]}>{t(states[state][1])}</State>
                  ),
                  sort: 'state',
                  by: ({ state }) => order[state],
                },
                {
                  title: t('Check'),
                  value: ({ check }) => check,
                  sort: 'check',
                  by: ({ check }) => check,
                },
                {
                  title: t('Found'),
                  value: ({ detail, todo }) => (
                    <div class="prose">
                      {detail}
                      {todo && <div class="muted">→ {todo}</div>}
                    </div>
                  ),
                },
              ]}
            />
          )}
        </Loaded>
      ) : (
        <p class="body muted">
          {t(
            'Checks this machine, the database and every provider, and says what to do. It changes nothing and costs nothing.',
          )}
        </p>
      )}
    </Panel>
  );
}
