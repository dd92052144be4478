import { useState } from 'preact/hooks';
import type { Checked, Status } from '../lib/answers.js';
import { ApiError } from '../lib/api.js';
import { age, bytes, dateTime, duration } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { t } from '../lib/words.js';
import { Page, Panel } from '../parts/panel.js';
import { Empty, Loaded, State } from '../parts/state.js';
import { Cut, Table } from '../parts/table.js';

interface Setting {
  name: string;
  value: unknown;
  origin: string;
  source: string | null;
}

/** This gateway's processes, version and settings. */
export function Health() {
  const status = useLoad<Status>('status', 3_000);
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
                columns={[
                  { title: t('Worker'), value: ({ worker }) => worker },
                  { title: t('In flight'), isNumber: true, value: (row) => row.in_flight },
                  {
                    title: t('Event loop p99'),
                    isNumber: true,
                    value: (row) => duration(row.loop_delay_p99_ms),
                  },
                  { title: t('Memory'), isNumber: true, value: (row) => bytes(row.rss_bytes) },
                ]}
              />
            )}
          </Loaded>
        </Panel>
      </div>
      <ProviderTests />
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
                  { title: t('Name'), value: ({ name }) => <code>{name}</code> },
                  { title: t('Value'), value: ({ value }) => <Cut text={JSON.stringify(value)} /> },
                  { title: t('Origin'), value: ({ origin }) => t(origin) },
                  { title: t('Source'), value: ({ source }) => <Cut text={source ?? ''} /> },
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

interface Tested {
  providers: (Checked & { provider_key: string; avg_response_time_ms: number | null })[];
}

/** Asks every provider for its list of models, which costs nothing. */
function ProviderTests() {
  const [tested, setTested] = useState<Tested | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const test = async () => {
    setBusy(true);
    setError(null);
    try {
      const answer = await fetch('health/detailed', { headers: { accept: 'application/json' } });
      if (answer.status === 401 || answer.status === 403) {
        throw new ApiError(
          answer.status,
          '',
          t('Set health.detailed_access, or test providers one by one.'),
        );
      }
      setTested(await answer.json());
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
    }
    setBusy(false);
  };
  const tones = { healthy: 'good', unhealthy: 'bad', unknown: 'warn' } as const;
  return (
    <Panel
      title={t('Providers')}
      actions={
        <button type="button" disabled={isBusy} onClick={() => void test()}>
          {t('Test all')}
        </button>
      }
    >
      {error && <div class="body">{error}</div>}
      {tested && tested.providers.length > 0 ? (
        <Table
          label={t('Providers')}
          rows={tested.providers}
          keyOf={({ provider_key }) => provider_key}
          columns={[
            { title: t('Provider'), value: ({ provider_key }) => provider_key },
            {
              title: t('Result'),
              value: (row) => <State tone={tones[row.status]}>{t(row.status)}</State>,
            },
            {
              title: t('Took'),
              isNumber: true,
              value: (row) => duration(row.avg_response_time_ms),
            },
            { title: t('Reason'), value: ({ error: reason }) => <Cut text={reason ?? ''} /> },
          ]}
        />
      ) : (
        !error && (
          <p class="body muted">
            {t('Asks each provider for its list of models, which costs nothing.')}
          </p>
        )
      )}
    </Panel>
  );
}
