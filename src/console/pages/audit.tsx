import type { Audit } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { flagsOf } from '../lib/command-text.js';
import { dateTime } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { route, setQuery } from '../lib/route.js';
import { t } from '../lib/words.js';
import { Older } from '../parts/pager.js';
import { Page, Panel } from '../parts/panel.js';
import { Empty, Loaded, Tag } from '../parts/state.js';
import { Cut, Table, timeTitle } from '../parts/table.js';

const pageRows = 100;
const tones = { create: 'good', update: 'plain', delete: 'bad' } as const;

/** The history of changes. */
export function AuditPage() {
  const { query } = route.value;
  const filters = {
    since: query.get('since') ?? '7d',
    object: query.get('object'),
    actor: query.get('actor'),
  };
  const before = query.get('before');
  const path = withQuery('audit', { ...filters, before, limit: pageRows + 1 });
  const list = useLoad<{ audit: Audit[] }>(path);
  return (
    <Page
      title={t('Audit')}
      command={{ cli: `llmproxy audit list${flagsOf({ since: filters.since })}`, path }}
    >
      <div class="filters">
        <select
          aria-label={t('Period')}
          value={filters.since}
          onChange={(event) => setQuery({ since: event.currentTarget.value, before: '' })}
        >
          <option value="24h">{t('Last 24 hours')}</option>
          <option value="7d">{t('Last 7 days')}</option>
          <option value="30d">{t('Last 30 days')}</option>
          <option value="365d">{t('Last year')}</option>
        </select>
        <input
          aria-label={t('Provider, key or team')}
          placeholder={t('Provider, key or team')}
          value={filters.object ?? ''}
          onChange={(event) => setQuery({ object: event.currentTarget.value, before: '' })}
        />
        <input
          aria-label={t('Who')}
          placeholder={t('Who')}
          value={filters.actor ?? ''}
          onChange={(event) => setQuery({ actor: event.currentTarget.value, before: '' })}
        />
      </div>
      <Panel>
        <Loaded of={list} lines={10}>
          {({ audit }) =>
            audit.length === 0 ? (
              <Empty
                title={t('No changes in this period')}
                actions={
                  filters.since !== '365d' && (
                    <button type="button" onClick={() => setQuery({ since: '365d', before: '' })}>
                      {t('Last year')}
                    </button>
                  )
                }
              >
                {t('Every change of providers, keys, teams and rules is here, with who made it.')}
              </Empty>
            ) : (
              <>
                <Table
                  label={t('Audit')}
                  rows={audit.slice(0, pageRows)}
                  keyOf={({ id }) => id}
                  columns={[
                    { title: timeTitle(t('Time')), value: ({ at }) => dateTime(at) },
                    { title: t('Who'), value: ({ actor }) => <Cut text={actor} /> },
                    {
                      title: t('What'),
                      value: ({ action }) => <Tag tone={tones[action]}>{t(action)}</Tag>,
                    },
                    { title: t('Kind'), value: ({ kind }) => t(kind) },
                    { title: t('Name'), value: ({ object }) => <Cut text={object} /> },
                    { title: t('Fields'), value: (entry) => <Cut isWide text={fieldsOf(entry)} /> },
                    { title: t('How'), value: ({ source }) => source },
                    { title: t('Version'), isNumber: true, value: ({ version }) => version },
                    { title: t('Reason'), value: ({ message }) => <Cut text={message ?? ''} /> },
                  ]}
                />
                <Older next={audit.length > pageRows ? (audit[pageRows - 1]?.id ?? null) : null} />
              </>
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

function fieldsOf({ action, before, after }: Audit): string {
  if (action !== 'update') return '';
  return Object.entries(after ?? {})
    .map(
      ([name, value]) =>
        `${name}: ${JSON.stringify(before?.[name] ?? null)} → ${JSON.stringify(value)}`,
    )
    .join(', ');
}
