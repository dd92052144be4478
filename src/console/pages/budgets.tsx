import { useState } from 'preact/hooks';
import type { Spent } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { flagsOf } from '../lib/command-text.js';
import { compact, dateTime } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { linkTo, route } from '../lib/route.js';
import { mayChangeRules } from '../lib/session.js';
import { t } from '../lib/words.js';
import { DeleteDialog } from '../parts/delete-dialog.js';
import { SearchField } from '../parts/fields/search-field.js';
import { selectorsText } from '../parts/fields/selector-fields.js';
import { Pager } from '../parts/pager.js';
import { Page, Panel } from '../parts/panel.js';
import { cost } from '../parts/request-table.js';
import { RowAction } from '../parts/row-action.js';
import { Pace, SpentBar } from '../parts/spent.js';
import { Empty, Loaded, Tag } from '../parts/state.js';
import { Cut, Table, timeTitle } from '../parts/table.js';
import { BudgetForm } from './forms/budget-form.js';

const pageRows = 50;
/** Budgets nearest to their end come first. */
const order = '-share';

/** Budgets: how much is left, and when it will run out at the current pace. */
export function Budgets() {
  const { query } = route.value;
  const search = query.get('search') ?? '';
  const offset = Number(query.get('from') ?? 0);
  const sort = query.get('sort') ?? order;
  const path = withQuery('spend/budgets', { search, sort, limit: pageRows, offset });
  const list = useLoad<{ budgets: Spent[]; total: number }>(path, 10_000);
  const [shown, setShown] = useState<{ kind: 'form' | 'delete'; name: string | null } | null>(null);
  const isAdmin = mayChangeRules.value;
  const close = () => {
    setShown(null);
    list.reload();
  };
  const add = isAdmin && (
    <button type="button" class="primary" onClick={() => setShown({ kind: 'form', name: null })}>
      {t('Create a budget')}
    </button>
  );
  return (
    <Page
      title={t('Budgets')}
      command={{ cli: `llmproxy budgets list${flagsOf({ search, sort })}`, path }}
      actions={add}
    >
      <SearchField />
      <Panel isStale={list.error !== null}>
        <Loaded of={list}>
          {({ budgets, total }) =>
            budgets.length === 0 && (search !== '' || offset > 0) ? (
              <Empty title={t('No such budgets')} />
            ) : budgets.length === 0 ? (
              <Empty title={t('No budgets yet')} actions={add}>
                {t('A budget bounds what a key, a team, a model or everybody may spend.')}
              </Empty>
            ) : (
              <>
                <Table
                  label={t('Budgets')}
                  rows={budgets}
                  keyOf={({ name }) => name}
                  order={order}
                  columns={[
                    {
                      title: t('Name'),
                      value: (row) => (
                        <>
                          <Cut text={row.name}>
                            <a href={requestsOf(row)}>{row.name}</a>
                          </Cut>
                          {!row.is_enabled && <Tag>{t('Disabled')}</Tag>}
                        </>
                      ),
                      sort: 'name',
                    },
                    {
                      title: t('For'),
                      value: ({ applies_to }) => <Cut text={selectorsText(applies_to)} />,
                    },
                    {
                      title: t('Amount'),
                      isNumber: true,
                      value: ({ amount, window, mode }) => (
                        <>
                          {cost(amount)} / {t(window)}
                          {mode === 'soft' && <div class="muted small">{t('Only tell')}</div>}
                        </>
                      ),
                      sort: 'amount',
                    },
                    {
                      title: t('Spent'),
                      isNumber: true,
                      value: (row) => <SpentBar of={row} />,
                      sort: 'share',
                    },
                    {
                      title: t('Left'),
                      isNumber: true,
                      value: (row) => cost(row.left_nano),
                      sort: 'left_nano',
                    },
                    { title: t('At this pace'), value: (row) => <Pace of={row} /> },
                    {
                      title: t('Requests'),
                      isNumber: true,
                      value: (row) => compact(row.requests),
                      sort: 'requests',
                    },
                    {
                      title: timeTitle(t('Starts again')),
                      value: ({ resets_at: at }) =>
                        at === null ? t('never') : dateTime(at).slice(0, -3),
                      sort: 'resets_at',
                    },
                    {
                      title: '',
                      value: ({ name }) =>
                        isAdmin && (
                          <div class="row-actions">
                            {(['delete', 'form'] as const).map((kind) => (
                              <RowAction
                                key={kind}
                                label={t(kind === 'form' ? 'Edit' : 'Delete')}
                                of={name}
                                onClick={() => setShown({ kind, name })}
                              />
                            ))}
                          </div>
                        ),
                    },
                  ]}
                />
                <Pager
                  offset={offset}
                  count={budgets.length}
                  pageRows={pageRows}
                  total={total}
                  hasNext={offset + pageRows < total}
                />
              </>
            )
          }
        </Loaded>
      </Panel>
      {shown?.kind === 'form' && <BudgetForm name={shown.name} onClose={close} />}
      {shown?.kind === 'delete' && shown.name !== null && (
        <Delete name={shown.name} onClose={close} />
      )}
    </Page>
  );
}

/** The requests of its window that it counts. */
function requestsOf({ applies_to, window_start, window }: Spent): string {
  const since = window === 'total' ? '30d' : window_start;
  return linkTo('requests', '', { ...applies_to, since });
}

function Delete({ name, onClose }: { name: string; onClose: () => void }) {
  return (
    <DeleteDialog name={name} path={`budgets/${encodeURIComponent(name)}`} onClose={onClose}>
      {t('What it bounded is then bounded by other budgets only.')}
    </DeleteDialog>
  );
}
