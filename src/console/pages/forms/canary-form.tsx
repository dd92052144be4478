import { useState } from 'preact/hooks';
import type { Canary } from '../../lib/answers.js';
import { useTask } from '../../lib/task.js';
import { wordsIn } from '../../lib/word-list.js';
import { t } from '../../lib/words.js';
import { Dialog } from '../../parts/dialog.js';
import { NameField, TextField } from '../../parts/fields/field.js';
import { FormActions } from '../../parts/fields/form-actions.js';
import { saveRow } from '../../parts/save-row.js';

interface CanaryFormProps {
  /** Null to start one. */
  canary: Canary | null;
  onClose: () => void;
}

/** Starts a canary, or changes its rules. */
export function CanaryForm({ canary, onClose }: CanaryFormProps) {
  const text = (value: number | string | null | undefined) => String(value ?? '');
  const [fields, setFields] = useState({
    name: canary?.name ?? '',
    from_provider: canary?.from_provider ?? '',
    to_provider: canary?.to_provider ?? '',
    model: text(canary?.model),
    to_model: text(canary?.to_model),
    steps: (canary?.steps ?? [1, 5, 25, 50, 100]).join(', '),
    minutes: text((canary?.step_seconds ?? 600) / 60),
    min_requests: text(canary?.min_requests ?? 10),
    max_error_percent: canary ? text(canary.max_error_percent) : '5',
    max_latency_ms: text(canary?.max_latency_ms),
  });
  const task = useTask();
  const set = (changes: Partial<typeof fields>) => setFields({ ...fields, ...changes });
  const numberOrNull = (value: string) => (value === '' ? null : Number(value));
  const save = async (event: Event) => {
    event.preventDefault();
    const { name, from_provider, to_provider, model, to_model } = fields;
    const body = {
      ...{ name, from_provider, to_provider: to_provider || from_provider },
      ...{ model: model || null, to_model: to_model || null },
      steps: wordsIn(fields.steps).map(Number),
      step_seconds: Math.round(Number(fields.minutes) * 60),
      min_requests: Number(fields.min_requests),
      max_error_percent: numberOrNull(fields.max_error_percent),
      max_latency_ms: numberOrNull(fields.max_latency_ms),
    };
    if (await saveRow(task, 'canaries', canary?.name ?? null, body)) onClose();
  };
  return (
    <Dialog
      title={canary ? t('Edit {name}', { name: canary.name }) : t('Start a canary')}
      onClose={onClose}
      isWide
    >
      <form class="stack" onSubmit={save}>
        {!canary && (
          <TextField
            label={t('Name')}
            value={fields.name}
            onInput={(name) => set({ name })}
            isRequired
          />
        )}
        <div class="grid pairs">
          <NameField
            of="providers"
            label={t('From provider')}
            value={fields.from_provider}
            onInput={(from_provider) => set({ from_provider })}
            isRequired
          />
          <NameField
            of="providers"
            label={t('To provider')}
            value={fields.to_provider}
            onInput={(to_provider) => set({ to_provider })}
            hint={t('Empty is the same one.')}
          />
          <NameField
            of="models"
            label={t('Only this model')}
            value={fields.model}
            onInput={(model) => set({ model })}
            hint={t('Empty is every model of the first provider.')}
          />
          <NameField
            of="models"
            label={t('As this model')}
            value={fields.to_model}
            onInput={(to_model) => set({ to_model })}
            hint={t('By the name that clients use; empty is the same.')}
          />
        </div>
        <TextField
          label={t('Steps, %')}
          value={fields.steps}
          onInput={(steps) => set({ steps })}
          hint={t('Of the requests, ascending, separated by commas.')}
          isRequired
        />
        <div class="grid pairs">
          <TextField
            label={t('Minutes at each step, at least')}
            type="number"
            value={fields.minutes}
            onInput={(minutes) => set({ minutes })}
            isRequired
          />
          <TextField
            label={t('Requests at each step, at least')}
            type="number"
            value={fields.min_requests}
            onInput={(min_requests) => set({ min_requests })}
            isRequired
          />
          <TextField
            label={t('Go back when more fail, %')}
            type="number"
            value={fields.max_error_percent}
            onInput={(max_error_percent) => set({ max_error_percent })}
            hint={t('Empty is no bound.')}
          />
          <TextField
            label={t('Go back when the p95 is above, ms')}
            type="number"
            value={fields.max_latency_ms}
            onInput={(max_latency_ms) => set({ max_latency_ms })}
            hint={t('Empty is no bound.')}
          />
        </div>
        <FormActions task={task} submit={t(canary ? 'Save' : 'Start')} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
