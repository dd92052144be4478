import { useState } from 'preact/hooks';
import type { Budget } from '../lib/answers.js';
import { call } from '../lib/api.js';
import { useLoad } from '../lib/load.js';
import { useTask } from '../lib/task.js';
import { t } from '../lib/words.js';
import { Dialog } from '../parts/dialog.js';
import { SelectField, TextField } from '../parts/field.js';
import { SelectorFields } from '../parts/selector-fields.js';
import { Failure, Loaded } from '../parts/state.js';
import { toast } from '../parts/toast.js';

interface BudgetFormProps {
  /** Null to create one. */
  name: string | null;
  onClose: () => void;
}

/** Creates or edits a budget. */
export function BudgetForm({ name, onClose }: BudgetFormProps) {
  const path = name === null ? null : `budgets/${encodeURIComponent(name)}`;
  const row = useLoad<{ budget: Budget }>(path);
  return (
    <Dialog
      title={name === null ? t('Create a budget') : t('Edit {name}', { name })}
      onClose={onClose}
    >
      {path === null ? (
        <Fields budget={null} path={null} onClose={onClose} />
      ) : (
        <Loaded of={row}>
          {({ budget }) => <Fields budget={budget as Budget} path={path} onClose={onClose} />}
        </Loaded>
      )}
    </Dialog>
  );
}

const windows = ['day', 'week', 'month', 'total'] as const;

interface FieldsProps {
  budget: Budget | null;
  path: string | null;
  onClose: () => void;
}

function Fields({ budget, path, onClose }: FieldsProps) {
  const [name, setName] = useState(budget?.name ?? '');
  const [dollars, setDollars] = useState(budget ? String(budget.amount / 1e9) : '');
  const [window, setWindow] = useState(budget?.window ?? 'month');
  const [mode, setMode] = useState(budget?.mode ?? 'hard');
  const [applies_to, setSelectors] = useState(budget?.applies_to ?? {});
  const task = useTask();
  const save = async (event: Event) => {
    event.preventDefault();
    const body = { name, amount: Math.round(Number(dollars) * 1e9), window, mode, applies_to };
    const method = path === null ? 'POST' : 'PUT';
    const to = `${path ?? 'budgets'}?wait=active`;
    if (!(await task.run(() => call(to, { method, body })))) return;
    toast(t('{name} is saved and in use', { name }));
    onClose();
  };
  return (
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
      <SelectorFields value={applies_to} onChange={setSelectors} />
      {task.error && <Failure error={task.error} />}
      <div class="line end">
        <button type="button" onClick={onClose}>
          {t('Cancel')}
        </button>
        <button type="submit" class="primary" disabled={task.isBusy}>
          {t(budget ? 'Save' : 'Create')}
        </button>
      </div>
    </form>
  );
}
