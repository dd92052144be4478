import { useState } from 'preact/hooks';
import type { Selectors, Stop } from '../../lib/answers.js';
import { call } from '../../lib/api.js';
import { useTask } from '../../lib/task.js';
import { t } from '../../lib/words.js';
import { Confirm, Dialog } from '../../parts/dialog.js';
import { TextField } from '../../parts/fields/field.js';
import { FormActions } from '../../parts/fields/form-actions.js';
import { SelectorFields, selectorsText } from '../../parts/fields/selector-fields.js';
import { toast } from '../../parts/toast.js';

/** The name that the command line gives to a stop of these requests. */
function nameOf(selectors: Selectors): string {
  return Object.entries(selectors)
    .map(([what, name]) => `${what}:${name}`)
    .join(' ');
}

/** The kill switch: refuses some requests, and ends those that run. */
export function StopForm({ onClose }: { onClose: () => void }) {
  const [applies_to, setSelectors] = useState<Selectors>({});
  const [reason, setReason] = useState('');
  const task = useTask();
  const stop = async (event: Event) => {
    event.preventDefault();
    const body = { name: nameOf(applies_to), applies_to, reason: reason || null };
    if (!(await task.run(() => call('stops?wait=active', { method: 'POST', body })))) return;
    toast(t('Stopped: {requests}', { requests: selectorsText(applies_to) }));
    onClose();
  };
  return (
    <Dialog title={t('Stop requests')} onClose={onClose}>
      <form class="stack" onSubmit={stop}>
        <p>
          {t(
            'New requests are refused with 403, and running ones end within a second, on all machines. Of a provider, they go to others that serve the model.',
          )}
        </p>
        <SelectorFields
          value={applies_to}
          hint={t('Of several all must match. * stands for any characters of a model.')}
          onChange={setSelectors}
        />
        <TextField
          label={t('Reason')}
          value={reason}
          onInput={setReason}
          hint={t('Clients are told.')}
        />
        <FormActions
          task={task}
          submit={t('Stop them')}
          isDangerous
          isReady={Object.keys(applies_to).length > 0}
          onCancel={onClose}
        />
      </form>
    </Dialog>
  );
}

/** Asks before stopped requests are served again. */
export function ResumeDialog({ stop, onClose }: { stop: Stop; onClose: () => void }) {
  const task = useTask();
  const requests = selectorsText(stop.applies_to);
  const resume = async () => {
    const path = `stops/${stop.id}?wait=active`;
    if (!(await task.run(() => call(path, { method: 'DELETE' })))) return;
    toast(t('Served again: {requests}', { requests }));
    onClose();
  };
  return (
    <Confirm
      title={t('Serve them again')}
      confirm={t('Serve them again')}
      isDangerous={false}
      isBusy={task.isBusy}
      error={task.error}
      onConfirm={() => void resume()}
      onClose={onClose}
    >
      {t('Requests are served again: {requests}.', { requests })}
    </Confirm>
  );
}
