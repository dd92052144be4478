import { useState } from 'preact/hooks';
import type { Budget, Selectors } from '../../lib/answers.js';
import { useLoad } from '../../lib/load.js';
import { useTask } from '../../lib/task.js';
import { t } from '../../lib/words.js';
import { Dialog } from '../../parts/dialog.js';
import { SelectField, TextField } from '../../parts/fields/field.js';
import { FormActions } from '../../parts/fields/form-actions.js';
import { SelectorFields } from '../../parts/fields/selector-fields.js';
import { WindowField } from '../../parts/fields/window-field.js';
import { saveRow } from '../../parts/save-row.js';
import { Loaded } from '../../parts/state.js';

interface BudgetFormProps {
  /** Null to create one. */
  name: string | null;
  /** Whom a new one is for. */
  of?: Selectors;
  onClose: () => void;
}

/** Creates or edits a budget. */
export function BudgetForm({ name, of = {}, onClose }: BudgetFormProps) {
  const path = name === null ? null : `budgets/${encodeURIComponent(name)}`;
  const row = useLoad<{ budget: Budget }>(path);
  return (
    <Dialog
      title={name === null ? t('Create a budget') : t('Edit {name}', { name })}
      onClose={onClose}
    >
      {path === null ? (
        <Fields budget={null} of={of} onClose={onClose} />
      ) : (
        <Loaded of={row}>
          {({ budget }) => <Fields budget={budget as Budget} of={of} onClose={onClose} />}
        </Loaded>
      )}
    </Dialog>
  );
}

interface FieldsProps {
  budget: Budget | null;
  of: Selectors;
  onClose: () => void;
}

function Fields({ budget, of, onClose }: FieldsProps) {
  const [name, setName] = useState(budget?.name ?? of.key ?? of.team ?? '');
  const [dollars, setDollars] = useState(budget ? String(budget.amount / 1e9) : '');
  const [window, setWindow] = useState(budget?.window ?? 'month');
  const [mode, setMode] = useState(budget?.mode ?? 'hard');
  const [applies_to, setSelectors] = useState<Selectors>(budget?.applies_to ?? of);
  const task = useTask();
  const wrong = (field: string) => (task.error?.param === field ? task.error.message : null);
  const save = async (event: Event) => {
    event.preventDefault();
    const body = { name, amount: Math.round(Number(dollars) * 1e9), window, mode, applies_to };
    if (await saveRow(task, 'budgets', budget?.name ?? null, body)) onClose();
  };
  return (
    <form class="stack" onSubmit={save}>
      <TextField
        label={t('Name')}
        value={name}
        onInput={setName}
        wrong={wrong('name')}
        isRequired
      />
      <div class="grid narrow">
        <TextField
          label={t('Dollars')}
          value={dollars}
          onInput={setDollars}
          wrong={wrong('amount')}
          type="number"
          placeholder={t('for example {name}', { name: '100' })}
          isRequired
        />
        <WindowField value={window} onChange={setWindow} hint={t('Begins at midnight in UTC')} />
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
      <FormActions
        task={task}
        submit={t(budget ? 'Save' : 'Create')}
        fields={['name', 'amount']}
        onCancel={onClose}
      />
    </form>
  );
}
