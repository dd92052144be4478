import { useEffect, useState } from 'preact/hooks';
import type { Provider } from '../lib/answers.js';
import { call } from '../lib/api.js';
import { percent } from '../lib/format.js';
import { usePlan } from '../lib/plan.js';
import { useTask } from '../lib/task.js';
import { t } from '../lib/words.js';
import { Dialog } from '../parts/dialog.js';
import { Effect } from '../parts/effect.js';
import { Failure, Skeleton } from '../parts/state.js';
import { toast } from '../parts/toast.js';

interface WeightsProps {
  providers: readonly Provider[];
  onClose: () => void;
}

/** Changes weights by dragging; shows the effect before saving. */
export function Weights({ providers, onClose }: WeightsProps) {
  const used = providers.filter(({ is_enabled }) => is_enabled);
  const [weights, setWeights] = useState(
    Object.fromEntries(used.map(({ provider_key, weight }) => [provider_key, weight])),
  );
  const applying = useTask();
  const max = Math.max(10, ...used.map(({ weight }) => weight * 2));
  const sum = Object.values(weights).reduce((all, weight) => all + weight, 0);
  const changed = used.filter(({ provider_key, weight }) => weights[provider_key] !== weight);
  const document = JSON.stringify({
    providers: Object.fromEntries(
      changed.map(({ provider_key: name }) => [name, { weight: weights[name] }]),
    ),
  });

  const planning = usePlan({ document });
  const { plan } = planning;

  useEffect(() => {
    if (changed.length === 0) return;
    // The effect is computed when the slider rests.
    const timer = setTimeout(() => void planning.make(), 300);
    return () => clearTimeout(timer);
  }, [document]);

  const apply = async () => {
    const body = { document, base_version: plan?.version, message: 'weights' };
    const isDone = await applying.run(() =>
      call('config/apply?wait=active', { method: 'POST', body }),
    );
    if (!isDone) {
      // Something else may have changed meanwhile: what would it mean now?
      await planning.make();
      return;
    }
    toast(t('The weights are in use'));
    onClose();
  };

  return (
    <Dialog title={t('Weights')} onClose={onClose} isWide>
      <div class="stack">
        {used.map(({ provider_key: name }) => (
          <label class="weight" key={name}>
            <span class="cut">{name}</span>
            <input
              type="range"
              min={0}
              max={max}
              value={weights[name] ?? 0}
              onInput={(event) =>
                setWeights({ ...weights, [name]: Number(event.currentTarget.value) })
              }
            />
            <span class="number">
              {weights[name]} · {percent(sum === 0 ? 0 : (weights[name] ?? 0) / sum)}
            </span>
          </label>
        ))}
        <div>
          <h3>{t('What changes')}</h3>
          {changed.length === 0 && <p class="muted">{t('Nothing yet: move a slider.')}</p>}
          {planning.isBusy && <Skeleton lines={2} />}
          {planning.error && <Failure error={planning.error} />}
          {plan && <Effect plan={plan} />}
        </div>
        {applying.error && <Failure error={applying.error} />}
        <div class="line end">
          <button type="button" onClick={onClose}>
            {t('Cancel')}
          </button>
          <button
            type="button"
            class="primary"
            disabled={plan === null || applying.isBusy}
            onClick={() => void apply()}
          >
            {t('Apply')}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
