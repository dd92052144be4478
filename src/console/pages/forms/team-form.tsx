import { useState } from 'preact/hooks';
import type { Team } from '../../lib/answers.js';
import { linkTo } from '../../lib/route.js';
import { mayChangeRules } from '../../lib/session.js';
import { useTask } from '../../lib/task.js';
import { wordsIn } from '../../lib/word-list.js';
import { t } from '../../lib/words.js';
import { Dialog } from '../../parts/dialog.js';
import { CacheFields } from '../../parts/fields/cache-fields.js';
import { TextField } from '../../parts/fields/field.js';
import { FormActions } from '../../parts/fields/form-actions.js';
import { LimitFields } from '../../parts/fields/limit-fields.js';
import { saveRow } from '../../parts/save-row.js';
import { State } from '../../parts/state.js';
import { BudgetForm } from './budget-form.js';

interface TeamFormProps {
  /** Null to create one. */
  team: Team | null;
  /** A new one exists, and the dialog shows what is next. */
  onSaved?: () => void;
  onClose: () => void;
}

/** Creates or edits a team. */
export function TeamForm({ team, onSaved, onClose }: TeamFormProps) {
  const [isCreated, setCreated] = useState(false);
  const [fields, setFields] = useState({
    name: team?.name ?? '',
    models: (team?.allowed_models ?? ['*']).join('\n'),
    tags: team?.tags.join(', ') ?? '',
    admins: team?.admins.join(', ') ?? '',
    limits: team?.limits ?? {},
    cache: team?.cache ?? null,
  });
  const task = useTask();
  const set = (changes: Partial<typeof fields>) => setFields({ ...fields, ...changes });
  const save = async (event: Event) => {
    event.preventDefault();
    const body = {
      name: fields.name,
      allowed_models: wordsIn(fields.models),
      limits: fields.limits,
      cache: fields.cache,
      tags: wordsIn(fields.tags),
      admins: wordsIn(fields.admins),
    };
    if (!(await saveRow(task, 'teams', team?.id ?? null, body))) return;
    if (team) return onClose();
    setCreated(true);
    onSaved?.();
  };
  if (isCreated) return <Created name={fields.name} onClose={onClose} />;
  const wrong = task.error?.param === 'name' ? task.error.message : null;
  return (
    <Dialog
      title={team ? t('Edit {name}', { name: team.name }) : t('Create a team')}
      onClose={onClose}
    >
      <form class="stack" onSubmit={save}>
        <TextField
          label={t('Name')}
          value={fields.name}
          onInput={(name) => set({ name })}
          wrong={wrong}
          isRequired
        />
        <TextField
          label={t('Models')}
          value={fields.models}
          onInput={(models) => set({ models })}
          rows={2}
          hint={t('One a line; * stands for any characters.')}
        />
        <LimitFields value={fields.limits} onChange={(limits) => set({ limits })} />
        <CacheFields
          value={fields.cache}
          none={t('Off, but for keys with rules of their own')}
          onChange={(cache) => set({ cache })}
        />
        <TextField label={t('Tags')} value={fields.tags} onInput={(tags) => set({ tags })} />
        <TextField
          label={t('Who answers for it')}
          value={fields.admins}
          onInput={(admins) => set({ admins })}
        />
        <FormActions task={task} submit={t('Save')} fields={['name']} onCancel={onClose} />
      </form>
    </Dialog>
  );
}

/** After a team is created: what it needs next. */
function Created({ name, onClose }: { name: string; onClose: () => void }) {
  const [step, setStep] = useState<'first' | 'budget' | 'key'>('first');
  if (step === 'budget') {
    return <BudgetForm name={null} of={{ team: name }} onClose={() => setStep('key')} />;
  }
  const isBudgetNext = mayChangeRules.value && step === 'first';
  const createKey = () => {
    onClose();
    location.hash = linkTo('keys', '', { team: name, add: 'yes' });
  };
  return (
    <Dialog title={name} onClose={onClose}>
      <div class="stack">
        <State tone="good">{t('Saved, and in use by every worker')}</State>
        <p class="muted">
          {t('A budget bounds what its keys may spend together. Without one, nothing does.')}
        </p>
        <div class="line end">
          <button type="button" onClick={onClose}>
            {t('Done')}
          </button>
          <button type="button" class={isBudgetNext ? '' : 'primary'} onClick={createKey}>
            {t('Create a key for it')}
          </button>
          {isBudgetNext && (
            <button type="button" class="primary" onClick={() => setStep('budget')}>
              {t('Give it a budget')}
            </button>
          )}
        </div>
      </div>
    </Dialog>
  );
}
