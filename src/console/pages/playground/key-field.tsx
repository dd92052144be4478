import { call } from '../../lib/api.js';
import { mayChangeKeys } from '../../lib/session.js';
import { useTask } from '../../lib/task.js';
import { t } from '../../lib/words.js';
import { TextField } from '../../parts/fields/field.js';
import { Failure } from '../../parts/state.js';
import { toast } from '../../parts/toast.js';

interface KeyFieldProps {
  value: string;
  onInput: (value: string) => void;
  /** Id of the form that it belongs to. */
  form: string;
}

/** A client's key; an administrator can create a temporary one. */
export function KeyField({ value, onInput, form }: KeyFieldProps) {
  const task = useTask();
  const create = () =>
    task.run(async () => {
      const body = {
        name: `playground-${Date.now().toString(36)}`,
        expires_at: new Date(Date.now() + 3_600_000).toISOString(),
        tags: ['playground'],
      };
      const path = 'credentials?wait=active';
      const { credential } = await call<{ credential: { key: string } }>(path, {
        method: 'POST',
        body,
      });
      onInput(credential.key);
      toast(t('A key for one hour was made'));
    });
  return (
    <div class="stack">
      <TextField
        label={t('Key')}
        type="password"
        value={value}
        onInput={onInput}
        hint={t('A client’s key. It is sent as a client sends it, and not stored.')}
        form={form}
        isRequired
      />
      {mayChangeKeys.value && value === '' && (
        <button type="button" disabled={task.isBusy} onClick={() => void create()}>
          {t('Make a key for one hour')}
        </button>
      )}
      {task.error && <Failure error={task.error} />}
    </div>
  );
}
