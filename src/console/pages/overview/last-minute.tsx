import type { Status } from '../../lib/answers.js';
import { compact, duration, percent } from '../../lib/format.js';
import { linkTo } from '../../lib/route.js';
import { t } from '../../lib/words.js';
import { Bar, Panel } from '../../parts/panel.js';
import { ProviderState } from '../../parts/provider-state.js';
import { Empty } from '../../parts/state.js';
import { Cut, numbers, Table } from '../../parts/table.js';

/** Rows of each table: the pages of providers and keys have all of them. */
const maxRows = 10;

/** The providers with problems, then the busiest. */
export function Providers({ status: { providers } }: { status: Status }) {
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

export function Keys({ status: { keys } }: { status: Status }) {
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
