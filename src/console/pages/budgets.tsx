import { useState } from 'preact/hooks';
import { age, compact, dateTime, percent } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { role } from '../lib/session.js';
import { t } from '../lib/words.js';
import { DeleteDialog } from '../parts/delete-dialog.js';
import { Bar, Page, Panel } from '../parts/panel.js';
import { cost } from '../parts/request-table.js';
import { Empty, Loaded, State } from '../parts/state.js';
import { Cut, Table } from '../parts/table.js';
import { BudgetForm } from './budget-form.js';

/** Spend of a budget; the field names are those of the API. Amounts are nano-dollars. */
interface Spent {
  name: string;
  amount: number;
  window: string;
  window_start: string;
  resets_at: string | null;
  spent_nano: number;
  left_nano: number;
  requests: number;
}

/** Budgets: how much is left, and when it will run out at the current pace. */
export function Budgets() {
  const list = useLoad<{ budgets: Spent[] }>('spend/budgets', 10_000);
  const [shown, setShown] = useState<{ kind: 'form' | 'delete'; name: string | null } | null>(null);
  const isAdmin = role.value === 'admin';
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
                  { title: t('Amount'), isNumber: true, value: ({ amount }) => cost(amount) },
                  { title: t('Each'), value: ({ window }) => t(window) },
                  { title: t('Spent'), isNumber: true, value: (row) => <SpentBar row={row} /> },
                  { title: t('Left'), isNumber: true, value: (row) => cost(row.left_nano) },
                  { title: t('At this pace'), value: (row) => <Pace row={row} /> },
                  { title: t('Requests'), isNumber: true, value: (row) => compact(row.requests) },
                  {
                    title: t('Starts again'),
                    value: ({ resets_at: at }) => (at === null ? t('never') : dateTime(at)),
                  },
                  {
                    title: '',
                    value: ({ name }) =>
                      isAdmin && (
                        <div class="row-actions">
                          {(['delete', 'form'] as const).map((kind) => (
                            <button
                              type="button"
                              class="quiet"
                              key={kind}
                              aria-label={`${t(kind === 'form' ? 'Edit' : 'Delete')}: ${name}`}
                              onClick={() => setShown({ kind, name })}
                            >
                              {t(kind === 'form' ? 'Edit' : 'Delete')}
                            </button>
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

function SpentBar({ row: { amount, spent_nano } }: { row: Spent }) {
  const share = spent_nano / amount;
  return (
    <Bar
      share={share}
      text={percent(share)}
      tone={share >= 1 ? 'bad' : share >= 0.8 ? 'warn' : ''}
    />
  );
}

/** Time at which the rest runs out, at the average pace since the window began. */
function Pace({ row }: { row: Spent }) {
  const { window_start, resets_at, spent_nano, left_nano } = row;
  if (left_nano === 0) return <State tone="bad">{t('gone')}</State>;
  const startMs = Date.parse(window_start);
  // A window that began long before any budget was counted has no pace.
  if (spent_nano === 0 || startMs <= 0) return <span class="muted">–</span>;
  const goneMs = Date.now() + (left_nano / spent_nano) * (Date.now() - startMs);
  if (resets_at !== null && goneMs >= Date.parse(resets_at)) {
    return <State tone="good">{t('lasts')}</State>;
  }
  return <State tone="warn">{t('gone in {age}', { age: age(goneMs) })}</State>;
}

function Delete({ name, onClose }: { name: string; onClose: () => void }) {
  return (
    <DeleteDialog name={name} path={`budgets/${encodeURIComponent(name)}`} onClose={onClose}>
      {t('What it bounded is then bounded by other budgets only.')}
    </DeleteDialog>
  );
}
