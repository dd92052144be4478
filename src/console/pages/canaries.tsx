import { useState } from 'preact/hooks';
import type { CanaryStatus } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { age, duration, percent } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { linkTo, route, setQuery } from '../lib/route.js';
import { mayChangeProviders } from '../lib/session.js';
import { t } from '../lib/words.js';
import { Bounded } from '../parts/bounded.js';
import { CanaryState, targetOf } from '../parts/canary-state.js';
import { SearchField } from '../parts/fields/search-field.js';
import { Pager } from '../parts/pager.js';
import { Bar, Page, Panel } from '../parts/panel.js';
import { RowAction } from '../parts/row-action.js';
import { Empty, Loaded } from '../parts/state.js';
import { Cut, Table } from '../parts/table.js';
import { CanaryPage } from './canary.js';
import { CanaryChange } from './canary-change.js';
import { CanaryForm } from './forms/canary-form.js';

/** Canaries; with a name in the address, one of them. */
export function Canaries() {
  const { item } = route.value;
  return item === '' ? <List /> : <CanaryPage key={item} name={item} />;
}

const pageRows = 50;

function List() {
  const { query } = route.value;
  const search = query.get('search') ?? '';
  const offset = Number(query.get('from') ?? 0);
  const page = { search, sort: query.get('sort'), limit: pageRows + 1, offset };
  const path = withQuery('canary/status', { only: 'canaries', ...page });
  const list = useLoad<{ canaries: CanaryStatus[] }>(path, 5_000);
  const [isAdding, setAdding] = useState(route.value.query.get('add') === 'yes');
  const [stopped, setStopped] = useState<CanaryStatus | null>(null);
  const close = () => {
    setAdding(false);
    setQuery({ add: '' });
    setStopped(null);
    list.reload();
  };
  const add = mayChangeProviders.value && (
    <button type="button" class="primary" onClick={() => setAdding(true)}>
      {t('Start a canary')}
    </button>
  );
  return (
    <Page title={t('Canaries')} command={{ cli: 'llmproxy canary status', path }} actions={add}>
      <SearchField />
      <Panel isStale={list.error !== null}>
        <Loaded of={list}>
          {({ canaries }) =>
            canaries.length === 0 && (search !== '' || offset > 0) ? (
              <Empty title={t('No such canaries')} />
            ) : canaries.length === 0 ? (
              <Empty title={t('No canaries yet')} actions={add}>
                {t(
                  'A canary moves requests to another provider or model by steps, and goes back by itself when they fail or are slow.',
                )}
              </Empty>
            ) : (
              <>
                <Table
                  label={t('Canaries')}
                  rows={canaries.slice(0, pageRows)}
                  keyOf={({ name }) => name}
                  columns={[
                    {
                      title: t('Name'),
                      value: ({ name }) => (
                        <Cut text={name}>
                          <a href={linkTo('canaries', name)}>{name}</a>
                        </Cut>
                      ),
                      sort: 'name',
                    },
                    { title: t('State'), value: (row) => <CanaryState of={row} /> },
                    {
                      title: t('Moves'),
                      isNumber: true,
                      value: (row) => (
                        <Bar share={row.percent / 100} text={percent(row.percent / 100)} />
                      ),
                    },
                    {
                      title: t('Provider'),
                      value: (row) => (
                        <>
                          <Cut text={row.from_provider} />
                          <div class="muted small">
                            <Cut text={`→ ${targetOf(row)}`} />
                          </div>
                        </>
                      ),
                    },
                    {
                      title: t('Errors'),
                      isNumber: true,
                      value: ({ to }) => <Bounded of={to.error_rate} format={percent} />,
                    },
                    {
                      title: 'p95',
                      isNumber: true,
                      value: ({ to }) => <Bounded of={to.latency_p95_ms} format={duration} />,
                    },
                    {
                      title: t('Since'),
                      value: ({ changed_at: at }) =>
                        at === null ? '–' : t('{age} ago', { age: age(at) }),
                    },
                    {
                      title: '',
                      value: (row) =>
                        mayChangeProviders.value &&
                        row.percent > 0 && (
                          <RowAction
                            label={t('Roll back')}
                            of={row.name}
                            onClick={() => setStopped(row)}
                          />
                        ),
                    },
                  ]}
                />
                <Pager
                  offset={offset}
                  count={Math.min(pageRows, canaries.length)}
                  pageRows={pageRows}
                  hasNext={canaries.length > pageRows}
                />
              </>
            )
          }
        </Loaded>
      </Panel>
      {isAdding && <CanaryForm canary={null} onClose={close} />}
      {stopped && <CanaryChange kind="back" canary={stopped} onClose={close} />}
    </Page>
  );
}
