import { useState } from 'preact/hooks';
import type { Plan } from '../../lib/answers.js';
import { call } from '../../lib/api.js';
import { mayChangeProviders } from '../../lib/session.js';
import { useTask } from '../../lib/task.js';
import { t } from '../../lib/words.js';
import { Effect } from '../../parts/effect.js';
import { TextField } from '../../parts/fields/field.js';
import { Panel } from '../../parts/panel.js';
import { Failure } from '../../parts/state.js';
import { toast } from '../../parts/toast.js';

interface ApplyProps {
  plan: Plan;
  body: object;
  onDone: () => void;
  onReplan: () => void;
}

/** A plan, and the button that applies it, unless something else has changed since. */
export function Apply({ plan, body, onDone, onReplan }: ApplyProps) {
  const [message, setMessage] = useState('');
  const task = useTask();
  const apply = async () => {
    const asked = { ...body, base_version: plan.version, ...(message ? { message } : {}) };
    if (!(await task.run(() => call('config/apply?wait=active', { method: 'POST', body: asked }))))
      return;
    toast(t('Applied, and in use by every worker'));
    onDone();
  };
  const isConflict = task.error?.status === 409;
  return (
    <Panel title={t('What changes')}>
      <div class="body stack">
        <Effect plan={plan} />
        {task.error && <Failure error={task.error} />}
        {isConflict && (
          <div class="line">
            <button type="button" onClick={onReplan}>
              {t('Plan again on the present version')}
            </button>
          </div>
        )}
        {plan.changes.length > 0 && mayChangeProviders.value && (
          <>
            <TextField
              label={t('Reason')}
              value={message}
              onInput={setMessage}
              hint={t('For the history')}
            />
            <div class="line end">
              <button
                type="button"
                class="primary"
                disabled={task.isBusy || isConflict}
                onClick={() => void apply()}
              >
                {t('Apply')}
              </button>
            </div>
          </>
        )}
      </div>
    </Panel>
  );
}
