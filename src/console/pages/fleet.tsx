import type { Fleet } from '../lib/answers.js';
import { age, compact, dateTime } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { t } from '../lib/words.js';
import { Page, Panel } from '../parts/panel.js';
import { Loaded, State, type Tone } from '../parts/state.js';
import { Cut, numbers, Table, timeTitle } from '../parts/table.js';

const states: Readonly<Record<string, readonly [Tone, string]>> = {
  starting: ['warn', 'Starting'],
  serving: ['good', 'Serving'],
  draining: ['warn', 'Draining'],
  cut_off: ['bad', 'Cut off'],
  gone: ['bad', 'Gone'],
};

/** The daemons of this database. */
export function FleetPage() {
  const fleet = useLoad<Fleet>('fleet', 2_000);
  return (
    <Page title={t('Fleet')} command={{ cli: 'llmproxy fleet', path: 'fleet' }}>
      <Panel title={t('Daemons')} isStale={fleet.error !== null}>
        <Loaded of={fleet}>
          {({ daemons, versions }) => (
            <>
              {versions.length > 1 && (
                <div class="banner warn">
                  {t('Versions differ: {versions}', { versions: versions.join(', ') })}
                </div>
              )}
              <Table
                label={t('Daemons')}
                rows={daemons}
                keyOf={({ id }) => id}
                columns={[
                  {
                    title: t('Daemon'),
                    value: ({ id }) => <Cut text={id} />,
                    sort: 'daemon',
                    by: ({ id }) => id,
                  },
                  {
                    title: t('State'),
                    value: ({ state }) => {
                      const [tone, name] = states[state] ?? ['plain', state];
                      return <State tone={tone}>{t(name)}</State>;
                    },
                    sort: 'state',
                    by: ({ state }) => state,
                  },
                  {
                    title: t('Version'),
                    value: ({ version }) => version,
                    sort: 'version',
                    by: ({ version }) => version,
                  },
                  {
                    title: t('Configuration'),
                    value: ({ config_version, behind }) => (
                      <>
                        {config_version ?? '–'}{' '}
                        {behind > 0 && (
                          <span class="muted">{t('{count} behind', { count: behind })}</span>
                        )}
                      </>
                    ),
                  },
                  numbers(t('Workers'), 'workers', compact),
                  {
                    title: t('Listens on'),
                    value: (row) => <Cut text={row.listeners.join(' ')} />,
                  },
                  { title: t('Limits by'), value: ({ limit_store }) => <Cut text={limit_store} /> },
                  {
                    title: timeTitle(t('Started')),
                    value: (row) => dateTime(row.started_at),
                    sort: 'started',
                    by: (row) => row.started_at,
                  },
                  {
                    title: t('Last seen'),
                    value: (row) => t('{age} ago', { age: age(Date.now() - row.heartbeat_age_ms) }),
                  },
                ]}
              />
            </>
          )}
        </Loaded>
      </Panel>
    </Page>
  );
}
