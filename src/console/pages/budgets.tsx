import { useState } from 'preact/hooks';
import { compact, dateTime } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { mayChangeRules } from '../lib/session.js';
import { t } from '../lib/words.js';
import { DeleteDialog } from '../parts/delete-dialog.js';
import { Page, Panel } from '../parts/panel.js';
import { cost } from '../parts/request-table.js';
import { RowAction } from '../parts/row-action.js';
import { selectorsText } from '../parts/selector-fields.js';
import { Pace, type Spent, SpentBar } from '../parts/spent.js';
import { Empty, Loaded } from '../parts/state.js';
import { Cut, Table, timeTitle } from '../parts/table.js';
import { BudgetForm } from './budget-form.js';

/** Budgets: how much is left, and when it will run out at the current pace. */
export function Budgets() {
  const list = useLoad<{ budgets: Spent[] }>('spend/budgets', 10_000);
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
      command={{ cli: 'llmproxy budgets list', path: 'spend/budgets' }}
      actions={add}
    >
      <Panel isStale={list.error !== null}>
        <Loaded of={list}>
          {({ budgets }) =>
            budgets.length === 0 ? (
              <Empty title={t('No budgets yet')} actions={add}>
                {t('A budget bounds what a key, a team, a model or everybody may spend.')}
              </Empty>
            ) : (
              <Table
                label={t('Budgets')}
                rows={budgets}
                keyOf={({ name }) => name}
                columns={[
                  { title: t('Name'), value: ({ name }) => <Cut text={name} /> },
                  {
                    title: t('For'),
                    value: ({ applies_to }) => <Cut text={selectorsText(applies_to)} />,
                  },
                  {
                    title: t('Amount'),
                    isNumber: true,
                    value: ({ amount, window }) => `${cost(amount)} / ${t(window)}`,
                  },
                  { title: t('Spent'), isNumber: true, value: (row) => <SpentBar of={row} /> },
                  { title: t('Left'), isNumber: true, value: (row) => cost(row.left_nano) },
                  { title: t('At this pace'), value: (row) => <Pace of={row} /> },
                  { title: t('Requests'), isNumber: true, value: (row) => compact(row.requests) },
                  {
                    title: timeTitle(t('Starts again')),
                    value: ({ resets_at: at }) =>
                      at === null ? t('never') : dateTime(at).slice(0, -3),
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

function Delete({ name, onClose }: { name: string; onClose: () => void }) {
  return (
    <DeleteDialog name={name} path={`budgets/${encodeURIComponent(name)}`} onClose={onClose}>
      {t('What it bounded is then bounded by other budgets only.')}
    </DeleteDialog>
  );
}
