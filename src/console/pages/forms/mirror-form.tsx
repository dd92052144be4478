import { useState } from 'preact/hooks';
import type { Mirror } from '../../lib/answers.js';
import { useTask } from '../../lib/task.js';
import { t } from '../../lib/words.js';
import { Dialog } from '../../parts/dialog.js';
import { NameField, TextField } from '../../parts/fields/field.js';
import { FormActions } from '../../parts/fields/form-actions.js';
import { SelectorFields } from '../../parts/fields/selector-fields.js';
import { WindowField } from '../../parts/fields/window-field.js';
import { saveRow } from '../../parts/save-row.js';

interface MirrorFormProps {
  /** Null to create one. */
  mirror: Mirror | null;
  onClose: () => void;
}

/** Creates a mirror, or changes its rules. */
export function MirrorForm({ mirror, onClose }: MirrorFormProps) {
  const [fields, setFields] = useState({
    name: mirror?.name ?? '',
    provider: mirror?.provider ?? '',
    model: mirror?.model ?? '',
    sample: String(mirror?.sample_percent ?? 1),
    max_concurrency: String(mirror?.max_concurrency ?? 10),
    dollars: mirror?.budget == null ? '' : String(mirror.budget / 1e9),
    window: mirror?.window ?? 'day',
    webhook: mirror?.webhook ?? '',
    applies_to: mirror?.applies_to ?? {},
  });
  const task = useTask();
  const set = (changes: Partial<typeof fields>) => setFields({ ...fields, ...changes });
  const save = async (event: Event) => {
    event.preventDefault();
    const { name, dollars } = fields;
    const body = {
      name,
      provider: fields.provider || null,
      model: fields.model || null,
      sample_percent: Number(fields.sample),
      max_concurrency: Number(fields.max_concurrency),
      budget: dollars === '' ? null : Math.round(Number(dollars) * 1e9),
      window: fields.window,
      webhook: fields.webhook || null,
      applies_to: fields.applies_to,
    };
    if (await saveRow(task, 'mirrors', mirror?.name ?? null, body)) onClose();
  };
  return (
    <Dialog
      title={mirror ? t('Edit {name}', { name: mirror.name }) : t('Create a mirror')}
      onClose={onClose}
      isWide
    >
      <form class="stack" onSubmit={save}>
        {!mirror && (
          <TextField
            label={t('Name')}
            value={fields.name}
            onInput={(name) => set({ name })}
            isRequired
          />
        )}
        <div class="grid narrow">
          <NameField
            of="providers"
            label={t('Copies go to provider')}
            value={fields.provider}
            onInput={(provider) => set({ provider })}
            hint={t('Empty is whichever serves the model.')}
          />
          <NameField
            of="models"
            label={t('Copies ask for model')}
            value={fields.model}
            onInput={(model) => set({ model })}
            hint={t('By the name that clients use; empty is the same.')}
          />
          <TextField
            label={t('Sample, %')}
            type="number"
            value={fields.sample}
            onInput={(sample) => set({ sample })}
            hint={t('Part of the requests that is mirrored.')}
            isRequired
          />
          <TextField
            label={t('Copies at once')}
            type="number"
            value={fields.max_concurrency}
            onInput={(max_concurrency) => set({ max_concurrency })}
            hint={t('Past it, requests are not mirrored.')}
            isRequired
          />
          <TextField
            label={t('Dollars')}
            type="number"
            value={fields.dollars}
            onInput={(dollars) => set({ dollars })}
            hint={t('Empty is unlimited.')}
          />
          <WindowField value={fields.window} onChange={(window) => set({ window })} />
        </div>
        <TextField
          label={t('Webhook')}
          value={fields.webhook}
          onInput={(webhook) => set({ webhook })}
          hint={t('Gets both answers and may score them.')}
        />
        <SelectorFields value={fields.applies_to} onChange={(applies_to) => set({ applies_to })} />
        <FormActions task={task} submit={t(mirror ? 'Save' : 'Create')} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
