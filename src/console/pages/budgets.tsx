import { useState } from 'preact/hooks';
import { call } from '../lib/api.js';
import { age, compact, dateTime, percent } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { role } from '../lib/session.js';
import { useTask } from '../lib/task.js';
import { t } from '../lib/words.js';
import { DeleteDialog } from '../parts/delete-dialog.js';
import { Dialog } from '../parts/dialog.js';
import { SelectField, TextField } from '../parts/field.js';
import { Bar, Page, Panel } from '../parts/panel.js';
import { cost } from '../parts/request-table.js';
import { Empty, Failure, Loaded, State } from '../parts/state.js';
import { Cut, Table } from '../parts/table.js';
import { toast } from '../parts/toast.js';

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
  const [isAdding, setAdding] = useState(false);
  const [removed, setRemoved] = useState<string | null>(null);
  const isAdmin = role.value === 'admin';
  const close = () => {
    setAdding(false);
    setRemoved(null);
    list.reload();
  };
  const add = isAdmin && (
    <button type="button" class="primary" onClick={() => setAdding(true)}>
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
                        <button
                          type="button"
                          class="quiet"
                          aria-label={`${t('Delete')}: ${name}`}
                          onClick={() => setRemoved(name)}
                        >
                          {t('Delete')}
                        </button>
                      ),
                  },
                ]}
              />
            )
          }
        </Loaded>
      </Panel>
      {isAdding && <BudgetForm onClose={close} />}
      {removed !== null && <Delete name={removed} onClose={close} />}
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

const windows = ['day', 'week', 'month', 'total'] as const;
const selectors = ['', 'team', 'key', 'user', 'tag', 'model', 'provider'] as const;

function BudgetForm({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [dollars, setDollars] = useState('');
  const [window, setWindow] = useState<(typeof windows)[number]>('month');
  const [mode, setMode] = useState<'hard' | 'soft'>('hard');
  const [selector, setSelector] = useState<(typeof selectors)[number]>('');
  const [selected, setSelected] = useState('');
  const task = useTask();
  const save = async (event: Event) => {
    event.preventDefault();
    const body = {
      name,
      amount: Math.round(Number(dollars) * 1e9),
      window,
      mode,
      applies_to: selector === '' ? {} : { [selector]: selected },
    };
    if (!(await task.run(() => call('budgets?wait=active', { method: 'POST', body })))) return;
    toast(t('{name} is saved and in use', { name }));
    onClose();
  };
  return (
    <Dialog title={t('Create a budget')} onClose={onClose}>
      <form class="stack" onSubmit={save}>
        <TextField label={t('Name')} value={name} onInput={setName} isRequired />
        <div class="grid narrow">
          <TextField
            label={t('Dollars')}
            value={dollars}
            onInput={setDollars}
            placeholder="100"
            isRequired
          />
          <SelectField
            label={t('Each')}
            value={window}
            of={windows.map((each) => [each, t(each)] as const)}
            onChange={setWindow}
            hint={t('Begins at midnight in UTC')}
          />
        </div>
        <div class="grid narrow">
          <SelectField
            label={t('For')}
            value={selector}
            of={selectors.map((each) => [each, t(each === '' ? 'everybody' : each)] as const)}
            onChange={setSelector}
          />
          {selector !== '' && (
            <TextField label={t('Which')} value={selected} onInput={setSelected} isRequired />
          )}
        </div>
        <SelectField
          label={t('When it is gone')}
          value={mode}
          of={[
            ['hard', t('Refuse requests')],
            ['soft', t('Only tell')],
          ]}
          onChange={setMode}
          hint={t('Refusing holds before the money is spent: by the most that a request can cost.')}
        />
        {task.error && <Failure error={task.error} />}
        <div class="line end">
          <button type="button" onClick={onClose}>
            {t('Cancel')}
          </button>
          <button type="submit" class="primary" disabled={task.isBusy}>
            {t('Create')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Delete({ name, onClose }: { name: string; onClose: () => void }) {
  return (
    <DeleteDialog name={name} path={`budgets/${encodeURIComponent(name)}`} onClose={onClose}>
      {t('What it bounded is then bounded by other budgets only.')}
    </DeleteDialog>
  );
}
