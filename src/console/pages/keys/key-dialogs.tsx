import { useState } from 'preact/hooks';
import type { Key } from '../../lib/answers.js';
import { call } from '../../lib/api.js';
import { useTask } from '../../lib/task.js';
import { t } from '../../lib/words.js';
import { Confirm, Dialog } from '../../parts/dialog.js';
import { Secret } from '../../parts/secret.js';
import { toast } from '../../parts/toast.js';

/** Gives a key another value; the present one keeps working for a while. */
export function Rotate({ row, onClose }: { row: Key; onClose: () => void }) {
  const [hours, setHours] = useState('24');
  const [secret, setSecret] = useState<string | null>(null);
  const task = useTask();
  const rotate = () =>
    task.run(async () => {
      const body = { grace_secs: Math.round(Number(hours) * 3_600) };
      const path = `credentials/${row.id}/rotate?wait=active`;
      const { credential } = await call<{ credential: { key: string } }>(path, {
        method: 'POST',
        body,
      });
      setSecret(credential.key);
    });
  if (secret !== null) {
    return (
      <Dialog title={t('New value of {name}', { name: row.name })} onClose={onClose}>
        <Secret text={secret} onDone={onClose} />
      </Dialog>
    );
  }
  return (
    <Confirm
      title={t('Rotate {name}', { name: row.name })}
      confirm={t('Rotate')}
      isDangerous={false}
      isBusy={task.isBusy}
      error={task.error}
      onConfirm={() => void rotate()}
      onClose={onClose}
    >
      <div class="stack">
        <p>{t('Name, limits and usage stay. The present value keeps working for a while.')}</p>
        <label class="field">
          <span class="label">{t('Hours for which the present value works')}</span>
          <input
            type="number"
            min={0}
            max={8_760}
            value={hours}
            onInput={(event) => setHours(event.currentTarget.value)}
          />
        </label>
      </div>
    </Confirm>
  );
}

/** Takes a key out of use, or puts it back. */
export function Revoke({ row, onClose }: { row: Key; onClose: () => void }) {
  const task = useTask();
  const { id, name, is_enabled } = row;
  const revoke = async () => {
    const body = { is_enabled: !is_enabled };
    const path = `credentials/${id}?wait=active`;
    if (!(await task.run(() => call(path, { method: 'PUT', body })))) return;
    toast(t(is_enabled ? '{name} is revoked' : '{name} works again', { name }));
    onClose();
  };
  return (
    <Confirm
      title={t(is_enabled ? 'Revoke {name}' : 'Restore {name}', { name })}
      confirm={t(is_enabled ? 'Revoke' : 'Restore')}
      isDangerous={is_enabled}
      isBusy={task.isBusy}
      error={task.error}
      onConfirm={() => void revoke()}
      onClose={onClose}
    >
      {t(
        is_enabled
          ? 'Its next request is refused with 401. Its usage stays, and it can be restored.'
          : 'It works again with the same value.',
      )}
    </Confirm>
  );
}
