import { useState } from 'preact/hooks';
import type { CanaryStatus } from '../lib/answers.js';
import { call } from '../lib/api.js';
import { useTask } from '../lib/task.js';
import { t } from '../lib/words.js';
import { Confirm } from '../parts/dialog.js';
import { TextField } from '../parts/fields/field.js';
import { toast } from '../parts/toast.js';

interface Change {
  text: string;
  isDangerous: boolean;
  isPossible: (canary: CanaryStatus) => boolean;
  effect: (canary: CanaryStatus) => string;
  /** `changed_at` is null where a step begins: the daemon that judges it sets the time. */
  fields: (canary: CanaryStatus, reason: string | null) => object;
}

const isRunning = ({ state }: CanaryStatus) => state === 'running';
const isLast = ({ step, steps }: CanaryStatus) => step === steps.length - 1;
const at = (steps: readonly number[], step: number) => `${steps[step] ?? 0} %`;

/** Changes that a person makes by hand. */
export const canaryChanges = {
  back: {
    text: 'Roll back',
    isDangerous: true,
    isPossible: ({ percent }) => percent > 0,
    effect: () => t('All its requests go where they went before.'),
    fields: (_, reason) => ({
      state: 'stopped',
      step: 0,
      reason,
      changed_at: new Date().toISOString(),
    }),
  },
  next: {
    text: 'Next step',
    isDangerous: false,
    isPossible: (canary) => isRunning(canary) && !isLast(canary),
    effect: ({ steps, step }) =>
      t('It moves {after} of its requests instead of {before}, without waiting.', {
        before: at(steps, step),
        after: at(steps, step + 1),
      }),
    fields: ({ step }) => ({ step: step + 1, changed_at: null }),
  },
  promote: {
    text: 'Promote',
    isDangerous: false,
    isPossible: isRunning,
    effect: ({ steps }) =>
      t('It moves {share} of its requests and is finished: nothing watches them any more.', {
        share: at(steps, steps.length - 1),
      }),
    fields: ({ steps }) => ({
      state: 'finished',
      step: steps.length - 1,
      changed_at: new Date().toISOString(),
    }),
  },
  start: {
    text: 'Start again',
    isDangerous: false,
    isPossible: ({ state }) => state === 'stopped' || state === 'rolled_back',
    effect: ({ steps }) => t('It begins with {share} of its requests.', { share: at(steps, 0) }),
    fields: () => ({ state: 'running', step: 0, reason: null, changed_at: null }),
  },
} as const satisfies Readonly<Record<string, Change>>;

export type CanaryChangeKind = keyof typeof canaryChanges;

interface CanaryChangeProps {
  kind: CanaryChangeKind;
  canary: CanaryStatus;
  onClose: () => void;
}

/** Asks before a canary is moved, and moves it. */
export function CanaryChange({ kind, canary, onClose }: CanaryChangeProps) {
  // The state when the question was asked; the page behind it keeps changing.
  const [asked] = useState(canary);
  const [reason, setReason] = useState('');
  const task = useTask();
  const change: Change = canaryChanges[kind];
  const { name } = asked;
  const run = async () => {
    const body = change.fields(asked, reason || null);
    const path = `canaries/${encodeURIComponent(name)}?wait=active`;
    if (!(await task.run(() => call(path, { method: 'PUT', body })))) return;
    toast(t('{name} is saved and in use', { name }));
    onClose();
  };
  return (
    <Confirm
      title={`${t(change.text)}: ${name}`}
      confirm={t(change.text)}
      isDangerous={change.isDangerous}
      isBusy={task.isBusy}
      error={task.error}
      onConfirm={() => void run()}
      onClose={onClose}
    >
      <div class="stack">
        <p>{change.effect(asked)}</p>
        {kind === 'back' && (
          <TextField
            label={t('Reason')}
            value={reason}
            onInput={setReason}
            hint={t('Shown with the canary')}
          />
        )}
      </div>
    </Confirm>
  );
}
