import { useEffect, useState } from 'preact/hooks';
import type { Checked, Provider } from '../../lib/answers.js';
import { call } from '../../lib/api.js';
import { usePlan } from '../../lib/plan.js';
import { useTask } from '../../lib/task.js';
import { t } from '../../lib/words.js';
import { CheckResult } from '../../parts/check-result.js';
import { DeleteDialog } from '../../parts/delete-dialog.js';
import { Confirm, Dialog } from '../../parts/dialog.js';
import { Consequences } from '../../parts/effect.js';
import { Failure, Skeleton } from '../../parts/state.js';
import { toast } from '../../parts/toast.js';
import type { Now } from './provider-table.js';

/** Sends real requests to a provider. */
export function TestDialog({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  const [models, setModels] = useState('');
  const [checked, setChecked] = useState<Checked | null>(null);
  const task = useTask();
  const test = () =>
    task.run(async () => {
      const names = models.split(/[\s,]+/).filter(Boolean);
      const body = names.length > 0 ? { models: names } : {};
      setChecked(await call<Checked>(`providers/${provider.id}/health`, { method: 'POST', body }));
    });
  return (
    <Dialog title={t('Test {name}', { name: provider.provider_key })} onClose={onClose} isWide>
      <div class="stack">
        <p>
          {t(
            'Sends a real, cheap request for each model. Models in the mapping are tested unless you name others.',
          )}
        </p>
        <div class="line">
          <input
            aria-label={t('Models')}
            placeholder={t('for example {name}', { name: 'gpt-4o-mini' })}
            value={models}
            onInput={(event) => setModels(event.currentTarget.value)}
          />
          <button type="button" class="primary" disabled={task.isBusy} onClick={test}>
            {t('Test')}
          </button>
        </div>
        {task.error && <Failure error={task.error} />}
        {task.isBusy && <Skeleton lines={2} />}
        {checked && !task.isBusy && <CheckResult checked={checked} />}
      </div>
    </Dialog>
  );
}

interface DrainProps {
  provider: Provider;
  now: Now | undefined;
  onClose: () => void;
}

/** Sends no new requests to a provider; those under way finish. */
export function Drain({ provider, now, onClose }: DrainProps) {
  const task = useTask();
  const { id, provider_key: name, is_enabled } = provider;
  const change = { providers: { [name]: { is_enabled: !is_enabled } } };
  const planning = usePlan({ document: JSON.stringify(change) });
  useEffect(() => void planning.make(), []);
  const set = async (isEnabled: boolean) => {
    const isDone = await task.run(() =>
      call(`providers/${id}?wait=active`, { method: 'PUT', body: { is_enabled: isEnabled } }),
    );
    if (!isDone) return;
    toast(t(isEnabled ? '{name} is used again' : '{name} gets no new requests', { name }));
    onClose();
  };
  return (
    <Confirm
      title={t(is_enabled ? 'Drain {name}' : 'Use {name} again', { name })}
      confirm={t(is_enabled ? 'Drain' : 'Use it again')}
      isDangerous={is_enabled}
      isBusy={task.isBusy}
      error={task.error}
      onConfirm={() => void set(!is_enabled)}
      onClose={onClose}
    >
      <div class="stack">
        <p>
          {is_enabled
            ? t('It gets no new requests; the {count} under way finish.', {
                count: now?.in_flight ?? 0,
              })
            : t('It gets requests again, by its weight of {weight}.', { weight: provider.weight })}
        </p>
        {planning.isBusy && <Skeleton lines={2} />}
        {planning.plan && <Consequences effect={planning.plan.effect} />}
      </div>
    </Confirm>
  );
}

/** Asks before a provider is deleted. */
export function Delete({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  return (
    <DeleteDialog name={provider.provider_key} path={`providers/${provider.id}`} onClose={onClose}>
      {t('Requests under way finish. It can be brought back by rolling the configuration back.')}
    </DeleteDialog>
  );
}
